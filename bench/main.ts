import { Command } from 'commander';
import { runProgram } from '../ops/src/command.ts';
import { addCompare } from './src/commands/compare.ts';
import { addCoupons } from './src/commands/coupons.ts';
import { addDelivery } from './src/commands/delivery.ts';
import { addLatency } from './src/commands/latency.ts';
import { addOrders } from './src/commands/orders.ts';
import { addOverload } from './src/commands/overload.ts';
import { addProducts } from './src/commands/products.ts';
import { addRanking } from './src/commands/ranking.ts';
import { addSoak } from './src/commands/soak.ts';
import { addStreams } from './src/commands/streams.ts';
import { addTurns } from './src/commands/turns.ts';
import { addExperiments } from './src/experiments/index.ts';

const program = new Command('npm run bench --').description(
  'Measures the shop and writes docs/reports/<command>.md. Results on stdout, words on stderr.',
);
for (const add of [
  addOrders,
  addLatency,
  addDelivery,
  addCoupons,
  addRanking,
  addProducts,
  addStreams,
  addOverload,
  addSoak,
  addCompare,
  addTurns,
  addExperiments,
])
  add(program);

await runProgram(program, process.argv);
