import { metricsUrl } from '../../services/services.ts';

/** What a process at this base URL tells of itself. */
export async function readMetrics(url: string): Promise<string> {
  return await (await fetch(metricsUrl(url))).text();
}

/** The sum of a process's metric over its matching labels. */
export async function readMetric(
  url: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const text = await readMetrics(url);
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) && wanted.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}
