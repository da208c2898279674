import { applyDelta, type ClusterImage, emptyImage, type MetadataDelta } from './cluster-image.ts';

export type MetadataListener = (image: ClusterImage, delta: MetadataDelta, before: ClusterImage) => void;

/** The current image and who wants to hear of the next. Listeners are called in the order in which they came. */
export class MetadataStore {
  private current: ClusterImage = emptyImage;
  private readonly listeners = new Set<MetadataListener>();

  get image(): ClusterImage {
    return this.current;
  }

  publish(delta: MetadataDelta): void {
    const before = this.current;
    this.current = applyDelta(before, delta);
    for (const listener of [...this.listeners]) listener(this.current, delta, before);
  }

  /** @returns a call that stops listening */
  listen(listener: MetadataListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /**
   * Resolves with true once the image is as asked, with false after the time.
   *
   * @param after  sets a timer; the clock's
   */
  waitFor(
    isSo: (image: ClusterImage) => boolean,
    timeoutMs: number,
    after: (delayMs: number, call: () => void) => { cancel(): void },
  ): Promise<boolean> {
    if (isSo(this.current)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (reached: boolean): void => {
        stop();
        timer.cancel();
        resolve(reached);
      };
      const stop = this.listen((image) => {
        if (isSo(image)) end(true);
      });
      const timer = after(timeoutMs, () => end(false));
    });
  }
}
