import { DomainError } from '@shop/chassis';
import type { Request } from 'express';
import type { OrderProblem } from '../problems.ts';
import { isOrderId } from './schemas.ts';

/** @throws {DomainError} ORDER_NOT_FOUND for text that cannot be an order's id */
export function orderIdOf(request: Request): string {
  const { id } = request.params;
  if (typeof id !== 'string' || !isOrderId(id)) throw orderNotFound();
  return id;
}

export function orderNotFound(): DomainError<OrderProblem> {
  return new DomainError<OrderProblem>('ORDER_NOT_FOUND', 'You have no order with this id.');
}
