// Proves what the README says the sandbox does: `npm test`.

import './test/assertion.mjs';
import './test/command.mjs';
import './test/faults.mjs';
import './test/launch.mjs';
import './test/login.mjs';
import './test/options.mjs';
import './test/pages.mjs';
import './test/platform.mjs';
import './test/signed.mjs';
import './test/token.mjs';
