import { expect, it } from '@jest/globals';
import type { EachBatchPayload } from 'kafkajs';
import { createBatchesAtWork } from './batches-at-work.ts';

it('when two wait until no batch is being applied, then both go on after the last one', async () => {
  const atWork = createBatchesAtWork(() => {});
  const [first, second] = [{}, {}] as EachBatchPayload[];
  if (!first || !second) throw new Error('no batches');
  atWork.begin(first);
  atWork.begin(second);
  const idle: string[] = [];
  const waits = ['one', 'two'].map((name) => atWork.idle().then(() => void idle.push(name)));
  atWork.end(first);
  await new Promise(setImmediate);
  expect(idle).toEqual([]);
  atWork.end(second);
  await new Promise(setImmediate);
  atWork.stop();
  expect(idle).toEqual(['one', 'two']);
  await Promise.all(waits);
  await atWork.idle();
});
