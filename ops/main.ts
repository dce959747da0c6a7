import { runProgram } from './src/command.ts';
import { createProgram } from './src/program.ts';

await runProgram(createProgram(), process.argv);
