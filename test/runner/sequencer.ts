import { createRequire } from 'node:module';
import type sequencer from '@jest/test-sequencer';
import { sharesShop } from './sharing.ts';

const require = createRequire(import.meta.url);
// The types of the package are those of its CommonJS form.
const { default: TestSequencer } = require('@jest/test-sequencer') as typeof sequencer;

type Tests = Parameters<sequencer.default['sort']>[0];
type Options = Parameters<sequencer.default['shard']>[1];

/** Runs the files of tests that share a shop (`sharedSystem`) one after the other, first, and in the first part. */
export default class SharedShopFirst extends TestSequencer {
  override async sort(tests: Tests): Promise<Tests> {
    const [sharing, others] = divided(await super.sort(tests));
    return [...sharing, ...others];
  }

  override async shard(tests: Tests, options: Options): Promise<Tests> {
    const [sharing, others] = divided(tests);
    const part = await super.shard(others, options);
    return options.shardIndex === 1 ? [...sharing, ...part] : part;
  }
}

function divided(tests: Tests): [sharing: Tests, others: Tests] {
  const shares = new Set(tests.filter(({ path }) => sharesShop(path)));
  return [tests.filter((test) => shares.has(test)), tests.filter((test) => !shares.has(test))];
}
