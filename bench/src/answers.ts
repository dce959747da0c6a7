import type { Dispatcher } from 'undici';
import type { LoadRequest } from './traffic.ts';

/**
 * Reads one answer. The body of a right answer is ignored, except where the right answer is a problem: then the body
 * must hold its code.
 * @param finish called once: with nothing when the answer was right, else with the actual answer: `503
 * SERVICE_UNAVAILABLE`, `timeout` …
 */
export function answerHandler(
  { good, goodCode }: Pick<LoadRequest, 'good' | 'goodCode'>,
  finish: (failure: string | undefined) => void,
): Dispatcher.DispatchHandler {
  let status = 0;
  let text = '';
  return {
    onRequestStart() {},
    onResponseStart(_, statusCode) {
      status = statusCode;
    },
    onResponseData(_, chunk) {
      if (goodCode !== undefined || !good.includes(status)) text += chunk.toString('utf8');
    },
    onResponseEnd() {
      const right = good.includes(status) && (goodCode === undefined || text.includes(`"${goodCode}"`));
      finish(right ? undefined : `${status} ${problemCode(text)}`.trim());
    },
    onResponseError(_, error) {
      const { code } = error as NodeJS.ErrnoException;
      finish(
        code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT' ? 'timeout' : (code ?? error.message),
      );
    },
  };
}

function problemCode(text: string): string {
  try {
    return String((JSON.parse(text) as { code?: unknown }).code ?? '');
  } catch {
    return '';
  }
}
