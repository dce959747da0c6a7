import { DomainError } from '@shop/chassis';
import type { Request } from 'express';
import { isOrderId } from './schemas.ts';

/** @throws {DomainError} ORDER_NOT_FOUND for what no order could be called */
export function orderIdOf(request: Request): string {
  const { id } = request.params;
  if (typeof id !== 'string' || !isOrderId(id)) throw orderNotFound();
  return id;
}

export function orderNotFound(): DomainError {
  return new DomainError('ORDER_NOT_FOUND', 'You have no order with this id.');
}
