import { DomainError, noteOnSpan, uuidIn } from '@shop/chassis';
import type { Request } from 'express';
import type { OrderProblem } from '../problems.ts';

/** The order's id in its path. @throws {DomainError} ORDER_NOT_FOUND for text that cannot be an order's id */
export function orderIdOf(request: Request): string {
  const id = uuidIn(request.params.id);
  if (id === undefined) throw orderNotFound();
  noteOnSpan({ 'shop.order.id': id });
  return id;
}

export function orderNotFound(): DomainError<OrderProblem> {
  return new DomainError<OrderProblem>('ORDER_NOT_FOUND', 'You have no order with this id.');
}
