import { unreachable } from '@shop/chassis/unreachable';
import { EXIT, type ExitCode, type Output } from '../command.ts';
import { renderReplays } from './render.ts';
import type { Replay } from './requests.ts';

/** Prints the state of a replay and its meaning. */
export function verdict(output: Output, replay: Replay): ExitCode {
  output.result(replay, renderReplays([replay]));
  switch (replay.status) {
    case 'DONE':
      if (replay.dead + replay.parked === 0) return EXIT.done;
      output.say('Some are set aside: `dead-letters list` tells which.');
      return EXIT.found;
    case 'FAILED':
      output.say(`It failed: ${replay.error}`);
      return EXIT.failed;
    case 'CANCELLED':
      output.say(
        replay.kind === 'REBUILD'
          ? 'It was cancelled. What was live is live.'
          : 'It was cancelled. What it has applied stays applied.',
      );
      return EXIT.failed;
    case 'REQUESTED':
      output.say(`It waits for its service: is it running? \`replay --cancel ${replay.ref}\` takes it back.`);
      return EXIT.failed;
    case 'RUNNING':
      output.say('It is still at work: `replay --list` tells how far it is.');
      return EXIT.failed;
    default:
      return unreachable(replay.status);
  }
}
