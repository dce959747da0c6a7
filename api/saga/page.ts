import { unreachable } from '@shop/chassis/unreachable';
import type { EventType } from '@shop/events';
import type { Group } from '../../services/groups.ts';
import { folderOf } from '../../services/services.ts';
import type { Outcome } from '../../test/support/saga-table.ts';
import type { DescribedEvent } from '../asyncapi/events.ts';
import type { ServiceTable } from './tables.ts';

/** Topics of the saga: only these have orders as keys. */
const isOfAnOrder = ({ key }: DescribedEvent): boolean => key === 'orderId';

/** Renders docs/saga.md: the publisher and consumers of each event, and each service's reaction in each state. */
export function sagaPage(
  events: readonly DescribedEvent[],
  groups: readonly Group[],
  tables: readonly ServiceTable[],
): string {
  const saga = events.filter(isOfAnOrder);
  return `${[
    '# The saga on one page',
    INTRODUCTION,
    '## Who says what, and who hears it',
    picture(saga, groups),
    list(
      ['event', 'said by', 'heard by'],
      saga.map(({ type, publisher }) => [code(type), publisher, hearers(type, groups).join(', ')]),
    ),
    EXAMPLE,
    '## What each service does',
    LEGEND,
    ...tables.flatMap(({ service, note, keeps, inputs, rows }) => [
      `### ${service}${note ? `: ${note}` : ''}`,
      list(
        [keeps, ...inputs],
        rows.map(({ state, outcomes }) => [state, ...outcomes.map(cell)]),
      ),
    ]),
    '## Where it is decided',
    whereDecided(tables),
    REST,
  ].join('\n\n')}\n`;
}

const INTRODUCTION = `Written by \`npm run generate\` from the code: the groups' subscriptions, the table of events, and what each service's \`decide\` answers when it is run in
every state with example inputs (\`services/*/test/examples.ts\`); a test fails when this page and the code differ. Not edited by hand. Why it is so: [ARCHITECTURE.md](../ARCHITECTURE.md).

An order begins as PENDING, with \`order-created\`. The catalog reserves its stock; if it names a coupon, the coupon service redeems that next; payment takes what is left to
pay; with the stock and the payment known, the order is COMPLETED. Nobody directs this: each service hears what the one before it said. Whatever goes wrong, the order service says
\`order-cancelled\`, once, and each of the others undoes its own part.`;

const EXAMPLE = `\`shipping\` is an example: it runs, hears and says something only with \`npm start -- --with shipping\`. Nobody of the shop waits for it.`;

const LEGEND = `A row is a state, a column is what is heard (or, for the order, asked). A cell is the state that follows, and what is said in the same transaction. **–**: nothing changes and
nothing is said, as for what comes twice or late (an order's history still gets the step). **✗**: it contradicts what the service knows. No sequence of messages can lead to this, so the message becomes a dead letter
and a person looks at it.`;

const REST = `That all of them together keep the [invariants](../ARCHITECTURE.md#invariants), whatever is lost, doubled, late or killed, is what the [simulation](../test/simulation/README.md) tries.`;

/** Which files decide, and which apply that to a batch in one transaction. */
function whereDecided(tables: readonly ServiceTable[]): string {
  const link = (service: ServiceTable['service'], file: string): string =>
    `[\`${file.split('/').at(-1)}\`](../${folderOf(service)}/src/${file})`;
  return list(
    ['service', 'its decisions, pure functions', 'applied to a batch in one transaction by'],
    tables.map(({ service, files: [decides, applies] }) => [service, link(service, decides), link(service, applies)]),
  );
}

/** Draws an arrow from an event's publisher to each group that consumes it, except to the publisher's own group. */
function picture(events: readonly DescribedEvent[], groups: readonly Group[]): string {
  const pairs = new Map<string, EventType[]>();
  for (const { type, publisher } of events) {
    for (const { group: name, handles } of groups) {
      if (!handles.includes(type) || name === publisher) continue;
      const pair = `${publisher} ${name}`;
      pairs.set(pair, [...(pairs.get(pair) ?? []), type]);
    }
  }
  const arrows = [...pairs].map(([pair, types]) => {
    const [from = '', to = ''] = pair.split(' ');
    return `  ${from} -->|${types.join('<br/>')}| ${to}`;
  });
  return ['```mermaid', 'flowchart LR', ...arrows, '```'].join('\n');
}

function hearers(type: EventType, groups: readonly Group[]): string[] {
  return groups.filter(({ handles }) => handles.includes(type)).map(({ group }) => group);
}

function cell(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'nothing':
      return '–';
    case 'contradiction':
      return '✗';
    case 'changed':
      return [outcome.status, ...outcome.says.map((type) => `says ${code(type)}`)].join('<br/>');
    default:
      return unreachable(outcome);
  }
}

function list(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

const code = (text: string): string => `\`${text}\``;
