export { type Redriver, type RedriverOptions, startRedriver } from './redriver.ts';
