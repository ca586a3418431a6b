// The brands under which vcita is seen: its own, and that of a partner. Each has
// a host; any other host of this server shows vcita's.

const BRANDS = {
  'app.vcita.test': { name: 'vcita', day: '#0b5fd0', night: '#7db4ff' },
  'app.partner.test': { name: 'Larkspur', day: '#7a2fb8', night: '#d3a6ff' },
};

export const BRAND_HOSTS = Object.keys(BRANDS);

// Takes the Host header; `host` is what an app is told as brand_host.
export function brandOf(authority = '') {
  const host = authority.toLowerCase().replace(/:\d+$/, '');
  return { host, ...(BRANDS[host] ?? BRANDS[BRAND_HOSTS[0]]) };
}
