import { createDecoder, type KafkaAdmin } from '@shop/events';
import { access } from '../access.ts';
import { EXIT, type ExitCode } from '../command.ts';
import { ask } from './ask.ts';
import type { ReplayContext } from './context.ts';
import { checkRebuild } from './options.ts';
import { planRebuild, readComparison, rebuildRequest } from './rebuild.ts';
import { renderComparison, renderRebuildPlan } from './rebuild-render.ts';
import { inText } from './requests.ts';
import { verdict } from './verdict.ts';

/** `replay --group ranking --rebuild`. */
export async function rebuild(context: ReplayContext, log: KafkaAdmin): Promise<ExitCode> {
  const { options, output, sql, addresses } = context;
  checkRebuild(options);
  const codec = createDecoder({ registryUrl: addresses.registry, registryAccess: access().registry });
  const plan = await planRebuild({ log, sql, codec }, options.rate, process.env.SHOP_TIME_ZONE || 'Asia/Seoul');
  const text = renderRebuildPlan(plan, options.rate);
  if (!options.execute) {
    output.result({ plan: { ...plan, ranges: inText(plan.ranges) } }, text);
    output.say('Nothing was changed. Repeat with --execute and --reason to do it.');
    return EXIT.done;
  }
  output.say(text);
  const end = await ask(context, 'ranking', rebuildRequest(plan));
  const comparison = await readComparison(sql, end.ref);
  const told = { ...end, comparison };
  const code = verdict(output, told);
  if (comparison) output.say(renderComparison(comparison));
  return code;
}
