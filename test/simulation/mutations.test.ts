import { describe, expect, it } from '@jest/globals';
import { outdated } from '../support/mutation.ts';
import { MUTATIONS } from './mutations.ts';

describe('the mistakes that the simulation must find', () => {
  it('when code changes, then each mistake can still be made: what it replaces stands in its file, once', () => {
    expect(outdated(MUTATIONS)).toEqual([]);
    expect(MUTATIONS.length).toBeGreaterThan(80);
  });
});
