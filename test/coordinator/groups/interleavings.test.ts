import fc from 'fast-check';
import { expect, test } from 'vitest';
import { errorCode } from '../../../src/protocol/kafka/index.ts';
import { Harness, type Join, type Sync } from './harness.ts';

const partitions = ['0', '1', '2', '3', '4'];
const clients = 4;

type Wait =
  | { readonly kind: 'join'; readonly answer: () => Join | undefined }
  | { readonly kind: 'sync'; readonly answer: () => Sync | undefined };

/** A consumer as clients are written: joins, assigns when it leads, syncs, heartbeats, and begins again after errors. */
class Consumer {
  memberId = '';
  generation = -1;
  waiting: Wait | undefined;
  owned: readonly string[] = [];
  private readonly world: World;
  private readonly instanceId: string | null;

  constructor(world: World, instanceId: string | null) {
    this.world = world;
    this.instanceId = instanceId;
  }

  act(): void {
    const { harness } = this.world;
    if (this.waiting === undefined) {
      if (this.generation >= 0) this.beat();
      else {
        const answer = harness.join({
          memberId: this.memberId,
          groupInstanceId: this.instanceId,
          rebalanceTimeoutMs: 20_000,
        });
        this.waiting = { kind: 'join', answer };
      }
      return;
    }
    if (this.waiting.kind === 'join') this.joined(this.waiting.answer());
    else this.synced(this.waiting.answer());
  }

  private beat(): void {
    const code = this.world.harness.heartbeat(this.memberId, this.generation, this.instanceId);
    if (code !== errorCode.NONE) this.again(code);
  }

  private joined(answer: Join | undefined): void {
    if (answer === undefined) return;
    this.waiting = undefined;
    if (answer.errorCode === errorCode.MEMBER_ID_REQUIRED) {
      this.memberId = answer.memberId;
      return;
    }
    if (answer.errorCode !== errorCode.NONE) {
      this.again(answer.errorCode);
      return;
    }
    this.memberId = answer.memberId;
    const generation = answer.generationId as number;
    const assignments: Record<string, string> = {};
    if (answer.leader === answer.memberId && answer.skipAssignment !== true) {
      const members = answer.members.map((member) => member.memberId);
      expect(members).toContain(this.memberId);
      for (const [index, partition] of partitions.entries()) {
        const member = members[index % members.length] as string;
        assignments[member] = (assignments[member] ?? '') + partition;
      }
    }
    const answerOfSync = this.world.harness.sync(this.memberId, generation, assignments, {
      groupInstanceId: this.instanceId,
    });
    this.generation = generation;
    this.waiting = { kind: 'sync', answer: answerOfSync };
  }

  private synced(answer: Sync | undefined): void {
    if (answer === undefined) return;
    this.waiting = undefined;
    if (answer.errorCode !== errorCode.NONE) {
      this.again(answer.errorCode);
      return;
    }
    this.owned = [...String(answer.assignment)];
    this.world.owns(this.generation, this.instanceId ?? this.memberId, this.owned);
  }

  private again(code: number): void {
    this.generation = -1;
    this.owned = [];
    if (code === errorCode.UNKNOWN_MEMBER_ID || code === errorCode.FENCED_INSTANCE_ID) this.memberId = '';
  }

  /** Starts anew, with no memory and without reading the answers it waits for. */
  crash(): void {
    this.memberId = '';
    this.generation = -1;
    this.owned = [];
    this.waiting = undefined;
  }

  leave(): void {
    if (this.memberId !== '') this.world.harness.leave([{ memberId: this.memberId }]);
    this.crash();
  }
}

class World {
  readonly harness = new Harness({ initialRebalanceDelayMs: 1000 });
  readonly consumers: Consumer[];
  private readonly owners = new Map<string, string>();

  constructor(staticCount: number) {
    this.consumers = Array.from(
      { length: clients },
      (_, index) => new Consumer(this, index < staticCount ? `i${index}` : null),
    );
  }

  /** No partition has two owners in one generation. */
  owns(generation: number, owner: string, owned: readonly string[]): void {
    for (const partition of owned) {
      const key = `${generation} ${partition}`;
      expect(this.owners.get(key) ?? owner).toBe(owner);
      this.owners.set(key, owner);
    }
  }

  release(code: number): void {
    if (this.harness.held.length > 0) this.harness.release(code);
  }

  failOver(): void {
    const { harness } = this;
    harness.held.length = 0;
    harness.failOver();
  }

  /** Everything is well from here on: the log commits, everyone acts. */
  settle(): void {
    this.harness.isHolding = false;
    while (this.harness.held.length > 0) this.harness.release();
    for (let turn = 0; turn < 60; turn++) {
      for (const consumer of this.consumers) consumer.act();
      this.harness.pass(1000);
    }
  }
}

type Step =
  | { readonly kind: 'act' | 'crash' | 'leave'; readonly who: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'hold' | 'failOver' }
  | { readonly kind: 'release'; readonly code: number };

const who = fc.nat(clients - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('act' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('crash' as const, 'leave' as const), who }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 12_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('hold' as const, 'failOver' as const) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('release' as const),
      code: fc.constantFrom(0, 0, 0, errorCode.NOT_ENOUGH_REPLICAS),
    }),
  },
);

function take(world: World, each: Step): void {
  switch (each.kind) {
    case 'act':
      world.consumers[each.who]?.act();
      break;
    case 'crash':
      world.consumers[each.who]?.crash();
      break;
    case 'leave':
      world.consumers[each.who]?.leave();
      break;
    case 'pass':
      world.harness.pass(each.ms);
      break;
    case 'hold':
      world.harness.isHolding = !world.harness.isHolding;
      break;
    case 'failOver':
      world.failOver();
      break;
    case 'release':
      world.release(each.code);
      break;
  }
}

test('whatever happens, no partition has two owners in a generation, and in the end every member has its share', () => {
  fc.assert(
    fc.property(fc.nat(2), fc.array(step, { maxLength: 120 }), (staticCount, steps) => {
      const world = new World(staticCount);
      for (const each of steps) take(world, each);
      world.settle();
      expect(world.harness.state()).toBe('Stable');
      expect(world.consumers.flatMap((consumer) => consumer.owned).sort()).toEqual(partitions);
      expect(new Set(world.consumers.map((consumer) => consumer.generation)).size).toBe(1);
    }),
    { numRuns: 500 },
  );
});

test('whatever happens, every request is answered in the end', () => {
  fc.assert(
    fc.property(fc.nat(2), fc.array(step, { maxLength: 120 }), (staticCount, steps) => {
      const world = new World(staticCount);
      for (const each of steps) take(world, each);
      world.harness.isHolding = false;
      while (world.harness.held.length > 0) world.harness.release();
      // Everyone falls silent: sessions and phases run out, and with them whatever still waits.
      world.harness.pass(700_000);
      expect(world.harness.unanswered()).toEqual([]);
    }),
    { numRuns: 500 },
  );
});
