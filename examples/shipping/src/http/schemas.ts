import { userIdQuery } from '@shop/chassis';
import { z } from 'zod';

export const shipmentQuery = z.strictObject({ userId: userIdQuery });
