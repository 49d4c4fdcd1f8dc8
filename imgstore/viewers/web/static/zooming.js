// Where an image stands in its view. No page is needed for these.
//
// A place is { scale, x, y }: pixels of the screen per pixel of the image, and the image's corner in the view.

export const LARGEST = 64; // screen pixels per image pixel

export const turnedSize = ({ width, height }, turns) =>
  (turns % 2 ? { width: height, height: width } : { width, height });

export function fitScale(view, image) {
  return Math.min(view.width / image.width, view.height / image.height, 8) || 1;
}

// Columns in which several images are largest in a room, each below a caption.
export function bestColumns(images, room, caption) {
  const shown = (columns) => {
    const height = room.height / Math.ceil(images.length / columns) - caption;
    const scale = (image) => Math.max(0, Math.min(room.width / columns / image.width, height / image.height));
    return images.reduce((sum, image) => sum + scale(image) ** 2 * image.width * image.height, 0);
  };
  const possible = images.map((_, rank) => images.length - rank); // of equal ones, the fewest rows
  return possible.reduce((best, columns) => (shown(columns) > shown(best) * (1 + 1e-9) ? columns : best));
}

// Keep an image in its view: in the middle if it is smaller, else without ground on any side.
export function contained({ scale, x, y }, view, image) {
  const along = (start, size, room) => (size <= room ? (room - size) / 2 : Math.max(room - size, Math.min(0, start)));
  return { scale, x: along(x, image.width * scale, view.width), y: along(y, image.height * scale, view.height) };
}

export function fitted(view, image) {
  return contained({ scale: fitScale(view, image), x: 0, y: 0 }, view, image);
}

// Zoom so that the pixel under a point stays there; no smaller than the view, unless the image is.
export function zoomedAt(place, factor, point, view, image) {
  const least = Math.min(1, fitScale(view, image));
  const scale = Math.max(least, Math.min(LARGEST, place.scale * factor));
  const moved = (start, at) => at - ((at - start) / place.scale) * scale;
  return contained({ scale, x: moved(place.x, point.x), y: moved(place.y, point.y) }, view, image);
}

// The pixel at a point of the view, in the image as it is stored; null outside. `image` is the size as stored.
export function pixelAt(place, point, image, turns) {
  const shown = turnedSize(image, turns);
  const across = Math.floor((point.x - place.x) / place.scale);
  const down = Math.floor((point.y - place.y) / place.scale);
  if (across < 0 || down < 0 || across >= shown.width || down >= shown.height) return null;
  return [
    { x: across, y: down },
    { x: down, y: image.height - 1 - across },
    { x: image.width - 1 - across, y: image.height - 1 - down },
    { x: image.width - 1 - down, y: across },
  ][turns];
}
