import type { Broker } from '../broker.ts';
import { atMost, type Clock } from '../clock.ts';
import { OutageError } from '../errors.ts';

/** How long a send waits for the check, ms. Then it is an outage to the relay, so that a stop is not held up. */
const WAIT_MS = 2_000;

/**
 * A broker that sends nothing until `checked` has resolved, and never once it was rejected: a start that is refused
 * must not have published to the topics for which it is refused.
 */
export function sendAfter(checked: Promise<unknown>, broker: Pick<Broker, 'send'>, clock: Clock): Pick<Broker, 'send'> {
  let isChecked = false;
  checked.then(
    () => {
      isChecked = true;
    },
    () => {}, // Each send reports it.
  );
  return {
    async send(records, options) {
      if (!isChecked) {
        if (!(await atMost(clock, WAIT_MS, checked))) throw new OutageError('the topics are not checked yet');
        await checked;
      }
      await broker.send(records, options);
    },
  };
}
