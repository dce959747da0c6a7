import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { installed, run } from '../run.ts';
import { StackError } from '../stack-error.ts';

const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1';

/** The `java` for running servers; 17 or newer. */
export async function findJava(): Promise<string> {
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin/java') : installed('java');
  const advice =
    'Install a Java runtime 17 or newer (Debian: apt-get install openjdk-17-jre-headless) or set JAVA_HOME.';
  if (!java) throw new StackError(`Kafka and the schema registry need Java, and there is none. ${advice}`);
  const version = javaMajor(await run('/bin/sh', ['-c', '"$0" -version 2>&1', java]));
  if (version < 17)
    throw new StackError(`Kafka and the schema registry need Java 17, and ${java} is ${version}. ${advice}`);
  return java;
}

/** 17 from `openjdk version "17.0.15" …`, 8 from `java version "1.8.0_392"`. */
export function javaMajor(versionText: string): number {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(versionText) ?? [];
  return Number(first === '1' ? second : first) || 0;
}

/** Copies all run-time dependencies of a pom as jars. */
export async function copyDependencies(pom: string, into: string): Promise<void> {
  mkdirSync(into, { recursive: true });
  await maven(['-f', pom, `${plugin}:copy-dependencies`, '-DincludeScope=runtime', `-DoutputDirectory=${into}`], into);
}

/** Unpacks one archive from the repository, `group:artifact:version:type:classifier`. */
export async function unpackArtifact(artifact: string, into: string): Promise<void> {
  await maven([`${plugin}:unpack`, `-Dartifact=${artifact}`, `-DoutputDirectory=${into}`], into);
}

async function maven(args: string[], cwd: string): Promise<void> {
  await findJava();
  const command = installed('mvn');
  if (!command) {
    throw new StackError(
      'Maven (mvn) is needed once, to fetch Kafka and the schema registry, and is not installed. Install it (Debian: apt-get install maven), ' +
        'or set KAFKA_BROKERS and SCHEMA_REGISTRY_URL to servers that exist.',
    );
  }
  await run(command, ['-q', '-B', ...args], { cwd });
}
