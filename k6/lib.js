// Shared by the scenarios.
import { fail } from 'k6';
import { SharedArray } from 'k6/data';
import http from 'k6/http';

const BASE_URL = (__ENV.BASE_URL || 'http://127.0.0.1:3000').replace(/\/$/, '');

/** Line n has the token of user n, line 0 an operator's; empty where the gateway requires none. */
const TOKENS = new SharedArray('tokens', () => (__ENV.TOKENS ? open(__ENV.TOKENS).split('\n') : []));
const OPERATOR = 0;

function authorization(userId) {
  return TOKENS.length > userId ? { Authorization: `Bearer ${TOKENS[userId]}` } : {};
}

/** A random user from 1 to count. */
export function anyUser(count) {
  return 1 + Math.floor(Math.random() * count);
}

/** Sends as the user in the body. @param name under which requests of this kind are measured together */
export function post(path, body, name, headers = {}) {
  return http.post(`${BASE_URL}${path}`, JSON.stringify(body), {
    headers: { 'Content-Type': 'application/json', ...authorization(body.userId ?? OPERATOR), ...headers },
    tags: { name },
  });
}

/** Sends as the user in the query. */
export function get(path, name) {
  const [, userId = OPERATOR] = /[?&]userId=(\d+)/.exec(path) ?? [];
  return http.get(`${BASE_URL}${path}`, { headers: authorization(Number(userId)), tags: { name } });
}

/** For setup(): a change that the run depends on. @returns the parsed answer */
export function create(path, body) {
  const answer = post(path, body, `POST ${path}`);
  if (answer.status !== 201) fail(`POST ${path} was answered ${answer.status}: ${String(answer.body).slice(0, 300)}`);
  return answer.json();
}

/** The problem's code in an unsuccessful answer. */
export function codeOf(answer) {
  try {
    return answer.json('code');
  } catch {
    return undefined;
  }
}

/** The end of every scenario: all figures as JSON into SUMMARY_FILE, the main ones as text. */
export function handleSummary(data) {
  const files = { stdout: asText(data.metrics) };
  if (__ENV.SUMMARY_FILE) files[__ENV.SUMMARY_FILE] = JSON.stringify(data, null, 1);
  return files;
}

function asText(metrics) {
  const lines = ['', '  what                            figures'];
  for (const [name, { type, contains, values, thresholds = {} }] of Object.entries(metrics).sort()) {
    const failed = Object.entries(thresholds).filter(([, { ok }]) => !ok);
    const isMain = /^(http_req_duration|http_req_failed|http_reqs|checks|dropped_iterations|vus_max)/.test(name);
    if (!isMain && Object.keys(thresholds).length === 0 && contains !== 'default') continue;
    const verdict = Object.keys(thresholds).length === 0 ? '' : failed.length === 0 ? '  ok' : '  FAILED';
    lines.push(`  ${name.padEnd(30)}  ${figures(type, values)}${verdict}`);
    for (const [threshold] of failed) lines.push(`  ${''.padEnd(30)}  not kept: ${threshold}`);
  }
  return `${lines.join('\n')}\n\n`;
}

function figures(type, values) {
  switch (type) {
    case 'rate':
      return `${(values.rate * 100).toFixed(2)} %`;
    case 'counter':
      return `${values.count} (${values.rate.toFixed(1)}/s)`;
    case 'trend':
      return `median ${values.med.toFixed(1)}  p95 ${values['p(95)'].toFixed(1)}  p99 ${values['p(99)'].toFixed(1)}  max ${values.max.toFixed(1)}`;
    default:
      return String(values.value);
  }
}
