import type { KafkaAdmin } from '@shop/events';
import { EXIT, type ExitCode } from '../command.ts';
import { connectSql } from '../sql.ts';
import type { ReplayContext } from './context.ts';
import { WishError } from './options.ts';
import { planRebuild, type RebuildPlan, readComparison, requestRebuild } from './rebuild.ts';
import { renderComparison, renderRebuildPlan } from './rebuild-render.ts';
import { waitForEnd } from './requests.ts';
import { tellProgress, verdict } from './verdict.ts';

/** `replay --group ranking --rebuild`. */
export async function rebuild({ options, output, sql, addresses }: ReplayContext, log: KafkaAdmin): Promise<ExitCode> {
  if (options.group !== 'ranking')
    throw new WishError(`Only ranking can be rebuilt: it is nothing but a sum. ${options.group} decides.`);
  for (const name of ['topic', 'type', 'key', 'from', 'to', 'force'] as const)
    if (options[name] !== undefined) throw new WishError(`--rebuild counts everything anew: --${name} makes no sense.`);
  if (options.execute && !options.reason) throw new WishError('--execute wants a --reason: it is kept in the history.');
  const plan = await planRebuild(log, sql, options.rate, process.env.SHOP_TIME_ZONE || 'Asia/Seoul');
  if (!options.execute) {
    output.result({ plan: inText(plan) }, renderRebuildPlan(plan, options.rate));
    output.say('Nothing was changed. Repeat with --execute and --reason to do it.');
    return EXIT.done;
  }
  output.say(renderRebuildPlan(plan, options.rate));
  const service = await connectSql(addresses.services.ranking.database);
  let ref: string;
  try {
    ref = await requestRebuild(service, plan, { ...options, reason: options.reason ?? '' });
  } finally {
    await service.close();
  }
  output.say(`asked for: ${ref}`);
  const end = await waitForEnd(sql, ref, options.wait * 1_000, tellProgress(output));
  const comparison = await readComparison(sql, ref);
  const told = { ...end, comparison };
  const code = verdict(output, told);
  if (comparison) output.say(renderComparison(comparison));
  return code;
}

/** Offsets are 64 bits. */
function inText(plan: RebuildPlan) {
  return { ...plan, ranges: plan.ranges.map((it) => ({ ...it, from: String(it.from), to: String(it.to) })) };
}
