// News of growing recordings: pushed by the server, or asked for now and then if it cannot push.

import { LOST, stores } from './api.js';

const AGAIN = 2000; // milliseconds

export class Live {
  // `grow` takes the summaries of all stores, `trouble` a message.
  constructor(grow, trouble) {
    Object.assign(this, { grow, trouble, source: null, isLost: false });
    document.addEventListener('visibilitychange', () => this.listen());
    this.listen();
  }

  // A hidden page needs none, and a browser has few connections to a server.
  listen() {
    this.source?.close();
    clearTimeout(this.later);
    this.source = document.hidden ? null : new EventSource('api/events');
    if (!this.source) return;
    this.source.onmessage = ({ data }) => this.heard(JSON.parse(data));
    this.source.onerror = ({ target }) => {
      if (target.readyState === EventSource.CLOSED) this.ask();
      else this.lost(LOST);
    };
  }

  async ask() {
    try {
      this.heard({ stores: await stores(), error: null });
    } catch (error) {
      this.lost(error.message);
    }
    clearTimeout(this.later);
    this.later = setTimeout(() => this.listen(), AGAIN);
  }

  heard({ stores: summaries, error }) {
    if (error) {
      this.lost(error);
      return;
    }
    this.isLost = false;
    this.grow(summaries);
  }

  lost(why) {
    if (!this.isLost) this.trouble(why);
    this.isLost = true;
  }
}
