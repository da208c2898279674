import { expect, test } from 'vitest';
import { defaultOptions, modelOf, planDocument, planOperation } from '../../src/placement/index.ts';
import { planInThread } from '../../src/placement/thread/index.ts';
import { caseOf } from './random-clusters.ts';

test('a plan made in a thread is the plan made here, and the model comes back with it', async () => {
  const { state } = caseOf(3);
  const operation = { kind: 'rebalance' } as const;
  const here = planOperation(modelOf(state), operation, defaultOptions);
  const model = modelOf(state);
  const there = await planInThread({ model, operation, options: defaultOptions });
  if (!here.ok || !there.ok) throw new Error('a rebalance is never refused');
  expect(planDocument(there.value)).toEqual(planDocument(here.value));
  expect(there.value.model).toEqual(here.value.model);
  // Handed over, not copied: nothing of the size of the cluster is copied on the caller's loop.
  expect(model.replicas.length).toBe(0);
});

test('an operation that cannot be is refused from a thread too, with its field', async () => {
  const { state } = caseOf(3);
  const operation = { kind: 'remove', brokers: [9999] } as const;
  const result = await planInThread({ model: modelOf(state), operation, options: defaultOptions });
  expect(result.ok ? undefined : result.problem.field).toBe('brokers');
});

test('a plan that is not wanted any more ends with the reason of its signal', async () => {
  const { state } = caseOf(3);
  const stop = new AbortController();
  const planned = planInThread(
    { model: modelOf(state), operation: { kind: 'rebalance' }, options: defaultOptions },
    stop.signal,
  );
  stop.abort(new Error('no longer wanted'));
  await expect(planned).rejects.toThrow('no longer wanted');
});
