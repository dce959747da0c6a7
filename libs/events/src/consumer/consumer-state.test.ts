import { describe, expect, it } from '@jest/globals';
import { createConsumerState } from './consumer-state.ts';

describe('the state of a consumer', () => {
  it('when a turn takes its ordinary course, then each state may follow the one before', () => {
    const state = createConsumerState();
    for (const next of ['WAKING', 'GATHERING', 'APPLYING', 'ISOLATING', 'PACING', 'GATHERING', 'PACING'] as const)
      state.enter(next);
    state.rest();
    expect(state.now()).toBe('RESTING');
  });

  it('when a second turn begins while one is at work, then it throws and nothing changes', () => {
    const state = createConsumerState();
    for (const next of ['WAKING', 'GATHERING', 'APPLYING'] as const) state.enter(next);
    expect(() => state.enter('GATHERING')).toThrow('from APPLYING to GATHERING');
    expect(() => state.enter('WAKING')).toThrow('from APPLYING to WAKING');
    expect(state.now()).toBe('APPLYING');
  });
});
