import { join } from 'node:path';
import { goProgram } from '../fetch/go.ts';
import { writeTracePage } from '../traces/site.ts';
import { expectOk, type Server } from './server.ts';

/** The last version that Go's module proxy has: those of Jaeger 2 are not modules of that name. */
function program(): Promise<string> {
  return goProgram({
    name: 'jaeger-all-in-one',
    version: '1.76.0',
    module: 'github.com/jaegertracing/jaeger',
    folder: 'cmd/all-in-one',
    from: 'https://www.jaegertracing.io/download',
  });
}

/** Most traces that are kept, in memory. */
const MAX_TRACES = 20_000;

/** Where spans are sent: the port after that of the queries. */
export function collectorPort(port: number): number {
  return port + 1;
}

/** Takes spans and answers queries for traces. It keeps them in memory. */
export const jaeger: Server = {
  graceMs: 10_000,
  install: async () => void (await program()),
  prepare: async ({ data }) => writeTracePage(join(data, 'page')),
  async command({ data, port }) {
    const listens = (flag: string, at: number) => `--${flag}.host-port=127.0.0.1:${at}`;
    const args = [
      listens('query.http-server', port),
      listens('collector.otlp.http', collectorPort(port)),
      // Unused, but all of them are opened.
      listens('collector.otlp.grpc', port + 2),
      listens('query.grpc-server', port + 3),
      listens('admin.http', port + 4),
      listens('collector.http-server', port + 5),
      listens('collector.grpc-server', port + 6),
      `--memory.max-traces=${MAX_TRACES}`,
      `--query.static-files=${join(data, 'page')}`,
    ];
    return { command: await program(), args, cwd: data, env: { SPAN_STORAGE_TYPE: 'memory' } };
  },
  probe: (site) => expectOk(`http://127.0.0.1:${site.port}/api/services`),
};
