// Thumbnails above the timeline. They are fetched one by one, so that the current frame comes first.

import { thumbnail } from './api.js';

export class Thumbnails {
  constructor(strip, timeline) {
    Object.assign(this, { strip, timeline, turn: 0 });
    timeline.listen(strip);
  }

  async show() {
    const { timeline } = this;
    if (!this.strip.offsetHeight) return; // there is no room for it
    const turn = this.turn += 1;
    const [height, width] = timeline.summaries[0].shape;
    const each = Math.max(48, Math.min(160, Math.round((this.strip.clientHeight * width) / height)));
    const count = Math.max(1, Math.floor(this.strip.clientWidth / each));
    while (this.strip.childElementCount > count) this.strip.lastElementChild.remove();
    while (this.strip.childElementCount < count) this.strip.append(newPicture());
    for (const rank of spread(count)) {
      const index = timeline.nearest(0, timeline.at(((rank + 0.5) / count) * timeline.width));
      if (index === null) return;
      await loaded(this.strip.children[rank], thumbnail(0, index, each * 2));
      if (turn !== this.turn) return;
    }
  }
}

// An image without a name or a browser's sign of a broken one.
export function newPicture() {
  const image = document.createElement('img');
  Object.assign(image, { alt: '', draggable: false });
  image.addEventListener('load', () => image.classList.remove('broken'));
  image.addEventListener('error', () => image.classList.add('broken'));
  return image;
}

// The order: the first, the middle, the quarters and so on.
function spread(count) {
  const order = new Set();
  for (let step = 2 ** Math.ceil(Math.log2(count)); step >= 1; step /= 2) {
    for (let rank = 0; rank < count; rank += step) order.add(rank);
  }
  return order;
}

function loaded(image, source) {
  if (image.getAttribute('src') === source) return null;
  return new Promise((resolve) => {
    image.onload = image.onerror = resolve;
    image.src = source;
  });
}
