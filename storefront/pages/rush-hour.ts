import { html, svg, type TemplateResult } from 'lit-html';
import { call, Problem } from '../api.ts';
import { followEvents } from '../follow.ts';
import { count, explain, explainCode, words } from '../i18n.ts';
import { attempt, type Page, type PageContext, say } from '../page.ts';
import { chartOf, LINES, refusals, valuesOf } from '../rush-chart.ts';
import { session } from '../session.ts';
import type { CouponPolicy, Product, Rush } from '../types.ts';

const MAX_BUYERS = 2_000;
const USUAL_BUYERS = 200;
/** Size of the chart, in its own units. */
const SIZE = { width: 600, height: 200 };

/** `#/rush-hour` has the form; `#/rush-hour/:id` also follows a rush, so that it can be found again. */
export const rushHourPage: Page = async (context) => {
  if (session()?.scope !== 'ops') {
    context.draw(html`<h1 tabindex="-1">${words().rushHour}</h1><p>${words().rush.forOperators}</p>`);
    return;
  }
  const [rushId] = context.params;
  const states: Rush[] = [];
  let choice: TemplateResult = html``;
  let starting = false;
  /** The console has died, or has forgotten the rush. */
  let lost = false;

  const show = () => {
    const last = states.at(-1);
    const w = words().rush;
    const busy = starting || (rushId !== undefined && !lost && last?.done === false);
    context.draw(html`
      <h1 tabindex="-1">${words().rushHour}</h1>
      <p>${w.intro}</p>
      <form class="card rush-form" @submit=${start}>
        ${choice}
        <div>
          <label for="buyers">${w.buyers}</label>
          <input id="buyers" name="buyers" type="number" inputmode="numeric" min="1" max=${MAX_BUYERS} value=${USUAL_BUYERS} required />
        </div>
        <button class="main big" ?disabled=${busy}>${busy ? w.running : w.start}</button>
      </form>
      ${lost ? html`<p class="verdict broken" role="alert">${w.lost}</p>` : ''} ${last ? view(last, states) : ''}
    `);
  };

  const start = (event: SubmitEvent) => {
    event.preventDefault();
    const wish = wishOf(new FormData(event.target as HTMLFormElement));
    starting = true;
    show();
    attempt(() =>
      call<Rush>('POST', '/ops/rush', { body: wish, signal: context.signal })
        .then(({ data }) => data.rushId, alreadyRunning)
        .then((id) => {
          location.hash = `/rush-hour/${id}`;
        })
        .finally(() => {
          starting = false;
          show();
        }),
    );
  };

  show();
  if (rushId !== undefined) {
    attempt(() =>
      follow(rushId, states, context, show).catch((error: unknown) => {
        lost = error instanceof Problem && error.status === 404;
        show();
        if (!lost) throw error;
      }),
    );
  }
  choice = await choices(context.signal);
  show();
};

/** A user who wants a rush while one is running is led to that one. */
function alreadyRunning(error: unknown): string {
  if (!(error instanceof Problem) || typeof error.body.rushId !== 'string') throw error;
  say(explain(error));
  return error.body.rushId;
}

function wishOf(form: FormData): object {
  const chosen = (name: string) => (form.get(name) ? { [name]: Number(form.get(name)) } : {});
  return { buyers: Number(form.get('buyers')), ...chosen('productId'), ...chosen('couponPolicyId') };
}

/** The products on offer: a new one, which is soon sold out, or an existing one. */
async function choices(signal: AbortSignal): Promise<TemplateResult> {
  const [products, policies] = await Promise.all([
    call<{ items: readonly Product[] }>('GET', '/products?limit=100', { signal }),
    call<{ items: readonly CouponPolicy[] }>('GET', '/coupon-policies?limit=100', { signal }),
  ]);
  const w = words();
  const option = (id: number, text: string) => html`<option value=${id}>${text}</option>`;
  return html`
    <div>
      <label for="product">${w.rush.product}</label>
      <select id="product" name="productId">
        <option value="">${w.rush.newProduct}</option>
        ${products.data.items.map((it) => option(it.productId, `${it.name} · ${w.inStock(count(it.stockQuantity))}`))}
      </select>
    </div>
    <div>
      <label for="policy">${w.coupon}</label>
      <select id="policy" name="couponPolicyId">
        <option value="">${w.rush.newPolicy}</option>
        ${policies.data.items.map((it) => option(it.couponPolicyId, `${it.name} · ${w.left(count(it.remaining), count(it.totalQuantity))}`))}
      </select>
    </div>
  `;
}

async function follow(id: string, states: Rush[], { signal }: PageContext, show: () => void): Promise<void> {
  await followEvents(`/ops/rush/${id}/events`, { signal }, ({ data }) => {
    const state = JSON.parse(data) as Rush;
    // The final verdict needs no announcement.
    if (state.phase !== states.at(-1)?.phase) say(state.done ? '' : (words().rush.phase[state.phase] ?? ''));
    states.push(state);
    show();
    return state.done;
  });
}

function view(rush: Rush, states: readonly Rush[]): TemplateResult {
  const w = words().rush;
  const values = valuesOf(rush);
  const row = (name: string, value: string | number) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`;
  const ms = (value: number | null) => (value === null ? '–' : `${count(value)} ms`);
  return html`
    <section class="card rush-view" aria-labelledby="rush-now" data-phase=${rush.phase}>
      <h2 id="rush-now">${w.phase[rush.phase]}</h2>
      <progress max=${rush.buyers} value=${rush.ended} aria-label=${w.buyersOf(count(rush.ended), count(rush.buyers))}></progress>
      <dl class="counts">
        ${LINES.map((line) => html`<div class=${line}><dt>${w.lines[line]}</dt><dd>${count(values[line])}</dd></div>`)}
        ${row(w.ended, w.buyersOf(count(rush.ended), count(rush.buyers)))} ${row(w.soldOut, count(rush.coupons.soldOut))}
        ${row(w.failed, count(rush.coupons.failed + rush.orders.failed))} ${row(w.pending, count(rush.orders.pending))}
        ${row(w.perSecond, count(rush.ordersPerSecond))} ${row(w.p95, ms(rush.p95Ms.order))}
      </dl>
      ${chart(states)} ${reasons(rush)} ${verdict(rush)}
    </section>
  `;
}

function chart(states: readonly Rush[]): TemplateResult {
  const w = words().rush;
  const { lines, most, ms } = chartOf(states, SIZE);
  const { width, height } = SIZE;
  // The numbers above say the same in text.
  return html`
    <svg class="chart" viewBox="-6 -6 ${width + 12} ${height + 12}" role="img" aria-label=${w.chart} preserveAspectRatio="none">
      ${svg`<path class="axes" d="M0 0V${height}H${width}" />`}
      ${LINES.map((line) => svg`<polyline class=${line} points=${lines[line]} />`)}
    </svg>
    <p class="hint chart-range"><span>0 – ${count(most)}</span><span>${(ms / 1_000).toFixed(1)} s</span></p>
  `;
}

/** The reasons of refused orders, and the failures. */
function reasons({ orders, failures }: Rush): TemplateResult | '' {
  const w = words().rush;
  const all = [
    ...Object.entries(orders.refused).map(([code, n]) => [explainCode(code), n] as const),
    ...Object.entries(failures),
  ];
  if (all.length === 0) return '';
  return html`<ul class="reasons" aria-label=${w.reasons}>
    ${all.map(([text, n]) => html`<li>${count(n)} × ${text}</li>`)}
  </ul>`;
}

function verdict({ audit, error, orders }: Rush): TemplateResult {
  const w = words().rush;
  if (error) return html`<p class="verdict broken" role="status">${w.notAudited(error)}</p>`;
  if (!audit) return html`<p class="verdict" role="status">${w.auditFollows}</p>`;
  if (audit.state === 'NOTHING_TO_CHECK')
    return html`<div class="verdict" role="status"><strong>${w.nothingChecked}</strong>${notes(audit.notes)}</div>`;
  if (audit.clean) {
    const sold = count(orders.completed);
    const refused = count(refusals(orders.refused));
    if (audit.notes.length > 0)
      return html`<div class="verdict" role="status"><strong>${w.partlyChecked}</strong>${notes(audit.notes)}</div>`;
    return html`<p class="verdict clean" role="status">
      <strong>${w.clean}</strong> ${w.cleanMeans(count(audit.checks), count(audit.orders), sold, refused)}
    </p>`;
  }
  return html`<div class="verdict broken" role="status">
    <strong>${w.broken}</strong>
    <ul>
      ${audit.violations.map(
        (it) =>
          html`<li>
            ${w.invariant(it.invariant)}: ${it.title} (${count(it.failed)})
            ${it.examples.map((example) => html`<br /><small>${example.id}: ${example.detail}</small>`)}
          </li>`,
      )}
    </ul>
    ${notes(audit.notes)}
  </div>`;
}

/** The parts that could not be checked, in the audit's words. */
function notes(all: readonly string[]): TemplateResult | '' {
  return all.length === 0 ? '' : html`<ul>${all.map((note) => html`<li>${note}</li>`)}</ul>`;
}
