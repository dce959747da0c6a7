import { describe, expect, it } from '@jest/globals';
import { distributionSource } from './apt.ts';
import { javaMajor } from './maven.ts';

describe('the machine’s package source', () => {
  it('is read from a one-line file', () => {
    const text = '# comment\ndeb [arch=amd64 signed-by=/keys/d.gpg] https://mirror.example/debian/ trixie main\n';
    expect(distributionSource(text)).toEqual({ uri: 'https://mirror.example/debian/', signedBy: '/keys/d.gpg' });
  });

  it('is read from stanzas, and is neither the security archive nor a third party’s', () => {
    const text = [
      'Types: deb\nURIs: http://mirror.example/debian-security\nSuites: trixie-security\nComponents: main',
      'Types: deb\nURIs: https://packages.example.com/apt\nSuites: stable\nComponents: main',
      'Types: deb\n# a remark\nURIs: http://mirror.example/debian\nSuites: trixie\nSigned-By: /keys/d.gpg',
    ].join('\n\n');
    expect(distributionSource(text)).toEqual({ uri: 'http://mirror.example/debian', signedBy: '/keys/d.gpg' });
  });

  it('is none where only others are listed', () => {
    expect(distributionSource('deb https://packages.example.com/apt stable main')).toBeUndefined();
  });
});

describe('the version of Java', () => {
  it.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_392"', 8],
    ['openjdk version "25" 2025-09-16', 25],
    ['nothing known', 0],
  ])('of %s is %d', (text, major) => expect(javaMajor(text)).toBe(major));
});
