export { startRedriver } from './redriver.ts';
