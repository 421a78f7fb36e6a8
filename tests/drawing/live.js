// A series of lightweight-charts that shows the bars of a symbol: history before the newest ones of
// the stream, what happens to them from then on, and older history when somebody scrolls there.

const NAMES = ["time", "open", "high", "low", "close", "volume"];

/** A bar of a frame as a point of a series, which has one value of it or all prices. */
export function pointOf(bar, type, field = "close") {
  const [time, open, high, low, close] = bar;
  return type === "candlestick" || type === "bar"
    ? { time, open, high, low, close }
    : { time, value: bar[NAMES.indexOf(field)] };
}

export function topicOf({ symbol, resolution, adjustment = "raw" }) {
  return `bars:${symbol}:${resolution}${adjustment === "raw" ? "" : `:${adjustment}`}`;
}

export class Live {
  kinds = {};
  faults = [];
  hasMore = false;
  #series;
  #read;
  #work = Promise.resolve(); // one after the other

  /**
   * @param series of a chart
   * @param {{type: string, source: object, read: (before: number) => Promise<object>}} what `read`
   *   answers points before a time, as the API does
   */
  constructor(series, stream, { type, source, read }) {
    this.#series = series;
    this.#read = read;
    this.point = (bar) => pointOf(bar, type, source.field);
    this.stop = stream.subscribe(topicOf(source), (frame) => this.#next(() => this.#hear(frame)));
  }

  /** More history, if there is any. */
  older() {
    this.#next(async () => {
      if (this.hasMore) await this.#show(this.#series.data());
    });
  }

  #next(job) {
    this.#work = this.#work.then(job).catch((error) => this.faults.push(String(error)));
  }

  async #hear(frame) {
    this.kinds[frame.type] = (this.kinds[frame.type] ?? 0) + 1;
    if (frame.type === "snapshot") {
      const columns = NAMES.map((name) => frame.bars[name]);
      await this.#show(columns[0].map((_, i) => this.point(columns.map((column) => column[i]))));
    } else if (frame.type === "bar") {
      this.#series.update(this.point(frame.bar));
    } else if (frame.type === "revise" && frame.bar[0] >= this.#series.data()[0].time) {
      this.#series.update(this.point(frame.bar), true);
    } else if (frame.type === "error") {
      throw new Error(frame.detail);
    }
  }

  /** These, after a page of what comes before them. */
  async #show(points) {
    const page = points.length > 0 ? await this.#read(points[0].time) : { items: [], has_more_before: false };
    this.#series.setData([...page.items, ...points]);
    this.hasMore = page.has_more_before;
  }
}
