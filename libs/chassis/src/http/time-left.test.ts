import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { clientOf, noteTimeLeft, timeLeft } from './time-left.ts';

function requestWith(header: string | undefined, arrivedAt = 1_000): IncomingMessage {
  const request = { headers: header === undefined ? {} : { 'x-shop-time-left': header } } as unknown as IncomingMessage;
  noteTimeLeft(request, arrivedAt);
  return request;
}

describe('time left', () => {
  it('when the caller states how long it waits, then that time counts from the arrival', () => {
    const request = requestWith('2500');
    expect(timeLeft(request, 1_000)).toBe(2_500);
    expect(timeLeft(request, 3_600)).toBe(-100);
    expect(timeLeft(requestWith('0'), 1_000)).toBe(0);
  });

  it.each([undefined, '', '-5', '1.5', '1e3', ' 7', '9999999999', 'soon'])(
    'when the header is %j, then there is no limit',
    (header) => expect(timeLeft(requestWith(header), 1_000)).toBe(Number.POSITIVE_INFINITY),
  );

  it('when the connection closes before the answer is sent, then the client has gone', () => {
    const response = { closed: false, writableFinished: false };
    const client = clientOf(requestWith(undefined), response);
    expect([client.gone, client.timeLeftMs]).toEqual([false, Number.POSITIVE_INFINITY]);
    response.closed = true;
    expect(client.gone).toBe(true);
    response.writableFinished = true;
    expect(client.gone).toBe(false);
  });
});
