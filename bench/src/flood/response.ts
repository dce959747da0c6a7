/** The parts of an answer that a load uses. */
export interface Answer {
  readonly status: number;
  /** Value of a Retry-After header in seconds. */
  readonly retryAfterSeconds: number | undefined;
  /** Empty unless the reader was told to keep the body. */
  readonly body: string;
  /** True when the server closes the connection after the answer. */
  readonly closes: boolean;
}

export interface ResponseReader {
  /** Reads the first `length` bytes of a buffer, which may be reused afterwards. @throws when it is not HTTP/1.1 */
  push(bytes: Buffer, length: number): void;
  /** The connection has ended, which ends an answer without a length. */
  end(): void;
}

const HEAD_END = Buffer.from('\r\n\r\n');
const LINE_FEED = 10;
const MAX_HEAD_BYTES = 64 << 10;

/**
 * Reads the answers of one HTTP/1.1 connection whose requests go one after the other. A load generator needs little
 * more than the status and shares two cores with the measured system, so this builds no header objects and no streams.
 * @param onAnswer called at an answer's last byte
 * @param keepsBody called at an answer's head
 */
export function createResponseReader(
  onAnswer: (answer: Answer) => void,
  keepsBody: (status: number) => boolean,
): ResponseReader {
  let state: 'head' | 'length' | 'size' | 'chunk' | 'trailer' | 'end' = 'head';
  let head: Buffer | undefined;
  let left = 0;
  let line = '';
  let kept: Buffer[] | undefined;
  let answer = { status: 0, retryAfterSeconds: undefined as number | undefined, closes: false };

  const finish = (): void => {
    state = 'head';
    const body = kept === undefined ? '' : Buffer.concat(kept).toString('utf8');
    kept = undefined;
    onAnswer({ ...answer, body });
  };

  /** @returns the offset of the body, or undefined when the head is incomplete */
  const readHead = (bytes: Buffer, from: number, length: number): number | undefined => {
    const before = head?.length ?? 0;
    const view = bytes.subarray(from, length);
    const all = head ? Buffer.concat([head, view]) : view;
    const end = all.indexOf(HEAD_END, Math.max(0, before - 3));
    if (end < 0) {
      if (all.length > MAX_HEAD_BYTES) throw new Error('an answer whose head does not end');
      head = head ? all : Buffer.from(all);
      return undefined;
    }
    head = undefined;
    begin(all.toString('latin1', 0, end));
    return from + end + HEAD_END.length - before;
  };

  const begin = (text: string): void => {
    if (!text.startsWith('HTTP/1.')) throw new Error('an answer that is not HTTP/1.1');
    const status = Number(text.slice(9, 12));
    const retryAfter = status === 503 || status === 429 ? /\r\nretry-after: *(\d+)/i.exec(text)?.[1] : undefined;
    answer = {
      status,
      retryAfterSeconds: retryAfter === undefined ? undefined : Number(retryAfter),
      closes: /\r\nconnection: *close/i.test(text),
    };
    // An informational answer: the final answer follows.
    if (status < 200) return;
    if (keepsBody(status)) kept = [];
    const contentLength = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
    if (status === 204 || status === 304) finish();
    else if (contentLength !== undefined) {
      left = Number(contentLength);
      if (left === 0) finish();
      else state = 'length';
    } else if (/\r\ntransfer-encoding: *chunked/i.test(text)) {
      line = '';
      state = 'size';
    } else state = 'end';
  };

  const take = (bytes: Buffer, from: number, length: number): number => {
    const taken = Math.min(left, length - from);
    kept?.push(Buffer.from(bytes.subarray(from, from + taken)));
    left -= taken;
    return from + taken;
  };

  return {
    push(bytes, length) {
      for (let at = 0; at < length; ) {
        switch (state) {
          case 'head': {
            const body = readHead(bytes, at, length);
            if (body === undefined) return;
            at = body;
            break;
          }
          case 'length':
            at = take(bytes, at, length);
            if (left === 0) finish();
            break;
          case 'size':
          case 'trailer': {
            const byte = bytes[at++] ?? 0;
            if (byte !== LINE_FEED) {
              line += String.fromCharCode(byte);
              break;
            }
            const text = line.trim();
            line = '';
            if (state === 'trailer') {
              if (text === '') finish();
              break;
            }
            // The line end after a chunk.
            if (text === '') break;
            left = Number.parseInt(text, 16);
            if (Number.isNaN(left)) throw new Error('a chunk without a size');
            state = left === 0 ? 'trailer' : 'chunk';
            break;
          }
          case 'chunk':
            at = take(bytes, at, length);
            if (left === 0) state = 'size';
            break;
          case 'end':
            left = length - at;
            at = take(bytes, at, length);
            break;
        }
      }
    },
    end() {
      if (state === 'end') finish();
    },
  };
}
