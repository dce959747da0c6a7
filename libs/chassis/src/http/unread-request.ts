import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { DomainError, renderProblem } from '../errors/index.ts';

interface Connection {
  readonly _httpMessage?: ServerResponse | null;
  readonly parser?: { readonly incoming: IncomingMessage | null } | null;
}

/**
 * Answers a request that never got as far as the application: too large a head, too slow, or no HTTP. Closes its
 * connection.
 */
export function answerUnread(error: NodeJS.ErrnoException, socket: Socket): void {
  // An answer that is under way on the connection would be mixed up with this one, and this one taken for the answer to
  // a request that has been read whole and is at work, or for a second one to a request that was refused before its
  // body came. Node keeps here what is owed, and what is being read.
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
