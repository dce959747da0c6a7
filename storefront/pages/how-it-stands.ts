import { html, svg, type TemplateResult } from 'lit-html';
import { call } from '../api.ts';
import { type Bar, lengthsOf } from '../bars.ts';
import { count, explain, time, words } from '../i18n.ts';
import { everyMs, type Page } from '../page.ts';
import { session } from '../session.ts';
import type { ShopStatus } from '../types.ts';

const EVERY_MS = 5_000;
/** Sizes of a picture of bars, in its own units. */
const ROW = 26;
const NAMES = 115;
const BARS = 165;
const NUMBERS = 60;

/** How the shop stands, for operators: pictures first, then the problems in the words of `status`. */
export const howItStandsPage: Page = ({ signal, draw }) => {
  if (session()?.scope !== 'ops') {
    draw(html`<h1 tabindex="-1">${words().howItStands}</h1><p>${words().standing.forOperators}</p>`);
    return;
  }
  draw(html`<h1 tabindex="-1">${words().howItStands}</h1><p aria-busy="true">${words().loading}</p>`);
  let read: { readonly status: ShopStatus; readonly at: string } | undefined;
  everyMs(
    EVERY_MS,
    signal,
    async () => {
      const { data } = await call<ShopStatus>('GET', '/ops/status', { signal, impatient: true });
      read = { status: data, at: new Date().toISOString() };
      draw(view(data, ''));
    },
    (error) => {
      const { notRead, notReadSince } = words().standing;
      draw(
        read
          ? view(read.status, notReadSince(time(read.at), explain(error)))
          : html`<h1 tabindex="-1">${words().howItStands}</h1><p class="notice" role="alert">${notRead(explain(error))}</p>`,
      );
    },
  );
};

/** @param old that it is not known how it stands now, in words; empty while it is */
function view(status: ShopStatus, old: string): TemplateResult {
  const w = words().standing;
  return html`
    <h1 tabindex="-1">${words().howItStands}</h1>
    ${old ? html`<p class="notice" role="alert">${old}</p>` : ''}
    ${old && status.problems.length === 0 ? '' : problems(status.problems)} ${audit(status.lastAudit)}
    <div class="standing">
      ${instances(status, old !== '')} ${picture('lag', w.lag, lagsOf(status))} ${picture('letters', w.letters, lettersOf(status))}
      ${picture('outboxes', w.outboxes, outboxesOf(status))}
    </div>
  `;
}

function problems(all: readonly string[]): TemplateResult {
  const w = words().standing;
  if (all.length === 0) return html`<p class="verdict clean" role="status"><strong>${w.well}</strong></p>`;
  return html`<div class="verdict broken" role="status">
    <strong>${w.problems(count(all.length))}</strong>
    <ul>${all.map((problem) => html`<li>${problem}</li>`)}</ul>
  </div>`;
}

function audit(last: ShopStatus['lastAudit']): TemplateResult {
  const w = words().standing;
  if (!last) return html`<p data-audit="NONE">${w.noAudit}</p>`;
  const at = time(last.endedAt);
  const notMade = last.state === 'HOLDS' ? (last.notMade ?? []) : [];
  const found = {
    HOLDS: notMade.length > 0 ? w.auditPartly(at) : w.auditHolds(at),
    BROKEN: w.auditBroken(at, count(last.violations)),
    NOTHING_TO_CHECK: w.auditNothing(at),
  };
  return html`<div class="verdict ${last.state === 'BROKEN' ? 'broken' : ''}" data-audit=${last.state}>
    ${found[last.state]} ${notMade.length > 0 ? html`<ul>${notMade.map((name) => html`<li>${name}</li>`)}</ul>` : ''}
  </div>`;
}

/** A dot for each process; none is green where the state is an old one. */
function instances({ instances: all }: ShopStatus, isOld: boolean): TemplateResult {
  const w = words().standing;
  return html`<section class="card" aria-labelledby="processes">
    <h2 id="processes">${w.processes}</h2>
    <ul class="processes">
      ${all.map(({ service, live, ready }) => {
        const state = ready ? w.ready : live ? w.notReady : w.away;
        return html`<li class=${!ready ? 'bad' : isOld ? 'old' : 'good'}><span aria-hidden="true">●</span> ${service} <small>${state}</small></li>`;
      })}
    </ul>
  </section>`;
}

/** How far each group is behind; one that has halted stands out, however few messages wait. */
function lagsOf({ groups, instances: all }: ShopStatus): Bar[] {
  const halted = new Set(
    all.flatMap(({ messaging }) => [
      ...(messaging?.lost ?? []),
      ...(messaging?.haltedPartitions ?? []).map(({ group }) => group),
    ]),
  );
  return groups.map(({ group, lag }) => ({ name: group, value: lag, bad: halted.has(group) }));
}

function lettersOf({ groups, deadLetters }: ShopStatus): Bar[] {
  return groups.map(({ group }) => {
    const open = deadLetters.find((it) => it.group === group);
    const value = open ? open.dead + open.parked + open.redriving : 0;
    return { name: group, value, bad: value > 0 };
  });
}

/** An event that waits for longer than this was not merely on its way, ms. */
const LATE_MS = 5_000;

function outboxesOf({ outboxes }: ShopStatus): Bar[] {
  return outboxes.map(({ service, waiting, oldestMs }) => ({ name: service, value: waiting, bad: oldestMs > LATE_MS }));
}

function picture(id: string, title: string, bars: readonly Bar[]): TemplateResult {
  const lengths = lengthsOf(bars, BARS);
  const label = bars.map(({ name, value }) => `${name} ${count(value)}`).join(', ');
  return html`<section class="card" aria-labelledby=${id}>
    <h2 id=${id}>${title}</h2>
    <svg class="bars" viewBox="0 0 ${NAMES + BARS + NUMBERS} ${bars.length * ROW}" role="img" aria-label=${`${title}: ${label}`}>
      ${bars.map(
        ({ name, value, bad }, n) => svg`
          <text x=${NAMES - 8} y=${n * ROW + 17} text-anchor="end">${name}</text>
          <rect class=${bad ? 'bad' : ''} x=${NAMES} y=${n * ROW + 5} width=${lengths[n] ?? 0} height=${ROW - 10} />
          <text class=${bad ? 'bad' : ''} x=${NAMES + (lengths[n] ?? 0) + 6} y=${n * ROW + 17}>${count(value)}</text>`,
      )}
    </svg>
  </section>`;
}
