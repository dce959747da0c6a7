import { colourOf, escaped, type Frame, graph, type Line, shown } from './draw.ts';

interface Panel {
  readonly title: string;
  readonly type: 'stat' | 'timeseries';
  readonly description?: string;
  readonly gridPos: { readonly w: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
  readonly fieldConfig: {
    readonly defaults: {
      readonly unit: string;
      readonly thresholds?: { readonly steps: readonly { readonly color: string; readonly value: number | null }[] };
    };
  };
}
interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
}
interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}
interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

const REFRESH_MS = 15_000;
/** Points of a graph. */
const POINTS = 150;
const STATES: Readonly<Record<string, string>> = { green: '#2e9e6b', orange: '#d9822b', red: '#d13b3b' };

const find = <E extends Element>(selector: string): E => {
  const element = document.querySelector<E>(selector);
  if (!element) throw new Error(`the page has no ${selector}`);
  return element;
};
const main = find<HTMLElement>('main');
const span = find<HTMLSelectElement>('#span');
const dashboards = (await (await fetch('dashboards.json')).json()) as Dashboard[];

async function ask<T>(path: string, query: Record<string, string> = {}): Promise<T> {
  const answer = await fetch(`/api/v1/${path}?${new URLSearchParams(query)}`);
  const body = (await answer.json()) as { status: string; error?: string; data: T };
  if (body.status !== 'success') throw new Error(body.error);
  return body.data;
}

/** The name of a series, as the legend of its target says. */
function nameOf(legend: string, metric: Series['metric']): string {
  return legend.replaceAll(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? '').trim();
}

async function stat({ title, targets: [target], fieldConfig }: Panel): Promise<string> {
  const { unit, thresholds } = fieldConfig.defaults;
  const { result } = await ask<{ result: Series[] }>('query', { query: target?.expr ?? '' });
  const value = Number(result[0]?.value?.[1] ?? Number.NaN);
  const step = thresholds?.steps.findLast((each) => each.value === null || value >= each.value);
  const colour = thresholds && thresholds.steps.length > 1 ? (STATES[step?.color ?? ''] ?? '') : '';
  return `<h2>${escaped(title)}</h2><output style="--state: ${colour}">${shown(value, unit)}</output>`;
}

async function timeseries({ title, targets, fieldConfig }: Panel, frame: Frame): Promise<string> {
  const step = String((frame.to - frame.from) / POINTS);
  const lines: Line[] = [];
  for (const { expr, legendFormat } of targets) {
    const range = { query: expr, start: String(frame.from), end: String(frame.to), step };
    const { result } = await ask<{ result: Series[] }>('query_range', range);
    for (const { metric, values = [] } of result)
      lines.push({ name: nameOf(legendFormat, metric), points: values.map(([time, value]) => [time, Number(value)]) });
  }
  const { unit } = fieldConfig.defaults;
  const heading = `<h2>${escaped(title)}</h2>`;
  if (lines.length === 0) return `${heading}<p class="none">nothing of it yet</p>`;
  const legend = lines.map(({ name, points }, n) => {
    const last = shown(points.at(-1)?.[1] ?? Number.NaN, unit);
    return `<li><span class="dot" style="background: ${colourOf(n)}"></span>${escaped(name)} <b>${last}</b></li>`;
  });
  return `${heading}${graph(title, unit, lines, frame)}<ul class="legend">${legend.join('')}</ul>`;
}

/** Alerts that fire come first, then pending ones, which may go by themselves. */
async function alerts(): Promise<string> {
  const { alerts: all } = await ask<{ alerts: Alert[] }>('alerts');
  const firing = all.filter(({ state }) => state === 'firing');
  const pending = all.length - firing.length;
  const rows = firing.map(
    ({ labels, annotations }) =>
      `<p><span class="firing">${escaped(labels.alertname ?? '')}</span> ${escaped(annotations.summary ?? '')} (${escaped(annotations.runbook ?? '')})</p>`,
  );
  const rest = pending > 0 ? ` <span class="none">${pending} pending</span>` : '';
  return rows.length > 0 ? rows.join('') + rest : `<p>No alert fires.${rest}</p>`;
}

function chosen(): Dashboard | undefined {
  return dashboards.find(({ uid }) => `#${uid}` === location.hash) ?? dashboards[0];
}

async function section(panel: Panel, frame: Frame): Promise<string> {
  const drawn = panel.type === 'stat' ? stat(panel) : timeseries(panel, frame);
  const content = await drawn.catch(
    (error: Error) => `<h2>${escaped(panel.title)}</h2><p>${escaped(error.message)}</p>`,
  );
  const [, state] = /--state: (#\w+)/.exec(content) ?? [];
  const style = `--width: ${panel.gridPos.w}${state ? `; --state: ${state}` : ''}`;
  return `<section class="${panel.type}" style="${style}" title="${escaped(panel.description ?? '')}">${content}</section>`;
}

async function draw(): Promise<void> {
  const dashboard = chosen();
  if (!dashboard) return;
  const links = dashboards.map(({ uid, title }) => {
    const current = uid === dashboard.uid ? ' aria-current="page"' : '';
    return `<a href="#${uid}"${current}>${escaped(title)}</a>`;
  });
  find('nav').innerHTML = links.join('');
  const to = Date.now() / 1_000;
  const seconds = Number(span.value);
  const frame = { from: to - seconds, to, gap: Math.max(60, (seconds / POINTS) * 2) };
  const told = await alerts().catch((error: Error) => escaped(error.message));
  const sections = await Promise.all(dashboard.panels.map((panel) => section(panel, frame)));
  // Another dashboard may have been chosen meanwhile.
  if (chosen() !== dashboard) return;
  main.innerHTML = `<section id="alerts" aria-live="polite">${told}</section>${sections.join('')}`;
  main.removeAttribute('aria-busy');
}

span.addEventListener('change', () => void draw());
addEventListener('hashchange', () => void draw());
setInterval(() => void draw(), REFRESH_MS);
await draw();
