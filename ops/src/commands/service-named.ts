import { SERVICE_NAMES, type ServiceName } from '../../../services/services.ts';

/** @returns undefined when no service of that name runs here */
export function serviceNamed(name: string): ServiceName | undefined {
  return SERVICE_NAMES.find((each) => each === name);
}
