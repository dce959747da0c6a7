import { SERVICE_NAMES, type ServiceName } from '../../../services/services.ts';
import type { Participant } from './participant.ts';
import { PARTICIPANT_OF } from './participants.generated.ts';

type Taking = keyof typeof PARTICIPANT_OF;

/** The name of a participant's row of an order. */
export type Part = (typeof PARTICIPANT_OF)[Taking]['part'];

/** The participants whose services run here, by the names of their rows. */
export const PARTICIPANTS: readonly (readonly [Part, Participant & { readonly service: ServiceName }])[] = (
  Object.keys(PARTICIPANT_OF) as Taking[]
)
  .filter((service) => SERVICE_NAMES.includes(service))
  .map((service) => [PARTICIPANT_OF[service].part, { service, ...PARTICIPANT_OF[service] }]);
