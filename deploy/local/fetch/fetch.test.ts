import { describe, expect, it } from '@jest/globals';
import { distributionSource } from './apt.ts';
import { javaMajor } from './maven.ts';

describe('the machine’s package source', () => {
  it('when sources are in a one-line file, then the distribution’s is read', () => {
    const text = '# comment\ndeb [arch=amd64 signed-by=/keys/d.gpg] https://mirror.example/debian/ trixie main\n';
    expect(distributionSource(text)).toEqual({ uri: 'https://mirror.example/debian/', signedBy: '/keys/d.gpg' });
  });

  it('when sources are in stanzas, then neither the security archive nor a third party’s is read', () => {
    const text = [
      'Types: deb\nURIs: http://mirror.example/debian-security\nSuites: trixie-security\nComponents: main',
      'Types: deb\nURIs: https://packages.example.com/apt\nSuites: stable\nComponents: main',
      'Types: deb\n# a remark\nURIs: http://mirror.example/debian\nSuites: trixie\nSigned-By: /keys/d.gpg',
    ].join('\n\n');
    expect(distributionSource(text)).toEqual({ uri: 'http://mirror.example/debian', signedBy: '/keys/d.gpg' });
  });

  it('when only other sources are listed, then there is none', () => {
    expect(distributionSource('deb https://packages.example.com/apt stable main')).toBeUndefined();
  });
});

describe('the version of Java', () => {
  it.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_392"', 8],
    ['openjdk version "25" 2025-09-16', 25],
    ['nothing known', 0],
  ])('when Java reports %s, then its version is %d', (text, major) => expect(javaMajor(text)).toBe(major));
});
