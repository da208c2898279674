import type { Znode } from './znode.ts';

/**
 * A walk over a node and all below it, parents before their children, in the order of creation among siblings. It may
 * rest while the tree changes, if it is told of every node that leaves: what is added is met when it lies ahead.
 */
export class TreeWalk implements Iterable<Znode> {
  readonly #top: Znode;
  #next: Znode | undefined;

  constructor(top: Znode) {
    this.#top = top;
    this.#next = top;
  }

  /** The node is about to be taken out of the tree; it has no children. */
  leave(node: Znode): void {
    if (this.#next === node) this.#next = this.#afterSubtree(node);
  }

  *[Symbol.iterator](): Generator<Znode, void> {
    for (let node = this.#next; node !== undefined; node = this.#next) {
      this.#next = node.firstChild ?? this.#afterSubtree(node);
      yield node;
    }
  }

  #afterSubtree(node: Znode): Znode | undefined {
    for (let at: Znode | undefined = node; at !== undefined && at !== this.#top; at = at.parent) {
      if (at.nextSibling !== undefined) return at.nextSibling;
    }
    return undefined;
  }
}
