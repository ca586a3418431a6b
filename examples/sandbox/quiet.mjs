// Keeps oidc-provider's advice to production operators off the console: it
// warns about the Node version when it is imported, so this module must be
// imported first. Anything else that is printed stays.

const { info, warn } = console;
const advice = /oidc-provider (?:WARNING|NOTICE): /;

console.info = (...args) => { if (!advice.test(args[0])) info(...args); };
console.warn = (...args) => { if (!advice.test(args[0])) warn(...args); };
