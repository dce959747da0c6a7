import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { DomainError, renderProblem } from '../errors/index.ts';

interface Connection {
  readonly _httpMessage?: ServerResponse | null;
  readonly parser?: { readonly incoming: IncomingMessage | null } | null;
}

/**
 * Answers a request that never reached the application: its head was too large, it was too slow, or it was no HTTP.
 * Closes its connection.
 */
export function answerUnread(error: NodeJS.ErrnoException, socket: Socket): void {
  // No answer is sent while another one is due on the connection. Otherwise the two would be mixed up, or this one be
  // taken for the answer to a request that was read whole and is being handled, or for a second answer to a request
  // that was refused before its body came. Node's connection state shows whether an answer is due and what is being
  // read.
  const { _httpMessage: answer, parser } = socket as Socket & Connection;
  const isAnswered = !answer && parser?.incoming != null;
  if (!socket.writable || isAnswered || answer?.headersSent || answer?.req.complete) {
    socket.destroy();
    return;
  }
  const { body } = renderProblem(problemOf(error.code));
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${body.status} ${body.title}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Connection: close',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n${text}`);
  socket.destroySoon();
}

/** Answers a request with an `Expect` other than 100-continue, which Node itself answers. */
export function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const { body } = renderProblem(new DomainError('EXPECTATION_FAILED', 'Only Expect: 100-continue can be met.'));
  const text = JSON.stringify(body);
  const type = 'application/problem+json';
  // The connection closes: the body was not read, and would be taken for the next request.
  response.writeHead(body.status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(text),
    Connection: 'close',
  });
  response.end(text);
}

function problemOf(code: string | undefined): DomainError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new DomainError('HEADERS_TOO_LARGE', 'At most 16 KiB of path and headers are accepted.');
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new DomainError('PAYLOAD_TOO_LARGE', 'The extensions of a chunk are too large.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new DomainError('REQUEST_TIMEOUT');
    default:
      return new DomainError('VALIDATION_FAILED', 'This is not HTTP as it should be.');
  }
}
