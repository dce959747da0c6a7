import { describe, expect, it } from '@jest/globals';
import { type Answer, createResponseReader } from './response.ts';

const plain = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}';
const chunked =
  'HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n3;x=y\r\n{"b\r\n4\r\n":2}\r\n0\r\nx-t: 1\r\n\r\n';
const refused =
  'HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\nConnection: close\r\ncontent-length: 2\r\n\r\n{}';
const empty = 'HTTP/1.1 204 No Content\r\n\r\n';

/** Feeds a text in pieces through one reused buffer, like a socket. */
function read(text: string, piece: number, keepsBody = (_: number) => true): { answers: Answer[]; end: () => void } {
  const answers: Answer[] = [];
  const reader = createResponseReader((answer) => answers.push(answer), keepsBody);
  const buffer = Buffer.alloc(piece);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += piece) {
    const length = bytes.copy(buffer, 0, at, at + piece);
    reader.push(buffer, length);
  }
  return { answers, end: () => reader.end() };
}

describe('the reader of answers', () => {
  const all = plain + chunked + empty + refused + plain;

  it.each([1, 2, 3, 5, 7, 16, 64, 1_000])('when answers come in pieces of %d bytes, then they are read', (piece) => {
    expect(read(all, piece).answers).toEqual([
      { status: 200, body: '{"a":1}', retryAfterSeconds: undefined, closes: false },
      { status: 201, body: '{"b":2}', retryAfterSeconds: undefined, closes: false },
      { status: 204, body: '', retryAfterSeconds: undefined, closes: false },
      { status: 503, body: '{}', retryAfterSeconds: 7, closes: true },
      { status: 200, body: '{"a":1}', retryAfterSeconds: undefined, closes: false },
    ]);
  });

  it('when a body is not wanted, then it is not kept', () => {
    const { answers } = read(all, 11, (status) => status >= 400);
    expect(answers.map(({ body }) => body)).toEqual(['', '', '', '{}', '']);
  });

  it('when an answer has no length, then it ends with its connection', () => {
    const { answers, end } = read('HTTP/1.1 200 OK\r\n\r\nsome words', 4);
    expect(answers).toEqual([]);
    end();
    expect(answers).toMatchObject([{ status: 200, body: 'some words' }]);
  });

  it('when the connection ends within an answer, then the answer is incomplete', () => {
    const { answers, end } = read(plain.slice(0, -1), 9);
    end();
    expect(answers).toEqual([]);
  });

  it('when an informational answer comes first, then it is skipped', () => {
    expect(read(`HTTP/1.1 100 Continue\r\n\r\n${plain}`, 6).answers).toMatchObject([{ status: 200 }]);
  });

  it('when text is not HTTP, then it is refused', () => {
    expect(() => read('SSH-2.0-OpenSSH\r\n\r\n', 100)).toThrow('not HTTP/1.1');
    expect(() => read('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno size\r\n', 100)).toThrow(
      'without a size',
    );
  });
});
