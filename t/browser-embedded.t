# Opened from vcita, seen through a real browser: a person clicks "Open" on vcita's Apps page, and ends on the
# application's page.  examples/embedded.conf before the application; the sandbox as vcita, under the hosts of two brands;
# three registrable domains over https, and a fourth for the single-page app that sends signed tokens, which has the code
# of docs/opened-from-vcita.md in it.

use lib 't/lib';
use VcitaChromium;
use VcitaSandbox people => 1;
use VcitaTest;
use File::Temp ();
use MIME::Base64 ();
use VcitaCert ();

repeat_each(1);

my $HTTPS = server_port() + 1;
my ($PORT) = VcitaSandbox->url =~ /:(\d+)/;
my %BRAND = (vcita => "app.vcita.test:$PORT", partner => "app.partner.test:$PORT");
my @TOLD = qw( business_uid staff_uid staff_role language brand_host );

# addresses of the application, and of vcita under a brand
sub VcitaFlow::Code::site  { "https://app.example.com:$HTTPS$_[0]" }
sub VcitaFlow::Code::brand { "https://$BRAND{ $_[0] }$_[1]" }
sub VcitaFlow::Code::pages { "https://pages.example.net:$HTTPS$_[0]" }

# a person whom vcita knows, under a brand, at the Apps page
sub VcitaFlow::Code::at_apps {
    my ($p, $brand, $user) = @_;
    my $r = $p->goto(VcitaFlow::Code::brand($brand, "/apps?sandbox_user=$user"));
    VcitaFlow::is($r->{url}, VcitaFlow::Code::brand($brand, '/apps'), "$brand: the Apps page of $user");
}

# what the application was asked, in a frame or a tab
sub VcitaFlow::Code::asked {
    my ($p, %opt) = @_;
    my $asked = VcitaFlow::decode_json($p->evaluate('document.querySelector("pre").textContent', %opt));
    return { %$asked, header => { map { lc $_->[0] => $_->[1] } @{ $asked->{headers} } } };
}

# somebody fills in vcita's pages; consent may have been given before
sub VcitaFlow::Code::sign_in {
    my ($p, %opt) = @_;
    $p->fill('#email', 'alice@example.biz', %opt);
    $p->fill('#password', 'any', %opt);
    $p->click('#sign-in', %opt);
    $p->click('#allow', %opt) if $p->text(%opt) =~ /wants to use/;
}

# vcita asks for consent, once each person, in the frame
sub VcitaFlow::Code::allow {
    my ($p) = @_;
    my $frame = $p->until('wants to use your vcita account|"/open');
    return 0 if $p->text(frame => $frame) !~ /wants to use/;
    $p->click('#allow', frame => $frame);
    return 1;
}

# the same hosts, in the order of a chain of redirects; one that follows itself counts once
sub VcitaFlow::Code::hosts {
    my ($before, @hosts) = ('');
    for my $url (@_) {
        my ($host) = $url =~ m{^https://([^/:]+)};
        push @hosts, $host if $host ne $before;
        $before = $host;
    }
    return join ' ', @hosts;
}

# how often somebody was sent to vcita's authorize endpoint
sub VcitaFlow::Code::logins { scalar grep { m{/app/oauth/authorize\?} } @_ }

# it ended on the application's page, with what the app had asked to be told, and who it is by vcita's own word
sub VcitaFlow::Code::opened {
    my ($asked, $brand, $business, $what) = @_;
    my ($path, $query) = split /\?/, $asked->{uri}, 2;
    my %param = map { split /=/, $_, 2 } split /&/, $query // '';
    VcitaFlow::is($path, '/open', "$what: at vcita_oauth_launch");
    VcitaFlow::is(join(' ', sort keys %param), join(' ', sort @TOLD), "$what: with the parameters of a launch");
    VcitaFlow::is($param{brand_host}, $BRAND{$brand} =~ s/:.*//r, "$what: brand_host");
    VcitaFlow::is($param{business_uid}, $business, "$what: business_uid");
    VcitaFlow::is($asked->{header}{'x-vcita-business'}, $business, "$what: and the session is this business's");
}

# a click on "Open here": the frame, what it went through, and what the application was asked
sub VcitaFlow::Code::frame {
    my ($p, $code) = @_;
    $p->click("#frame-$code");
    return $p->until('"/open\?');
}

sub VcitaFlow::Code::framed { map { $_->{url} } $_[0]->framed }

sub slurp { local $/; open my $fh, '<', $_[0] or die "$_[0]: $!\n"; return scalar <$fh> }

# The single-page app: the code of the documents, and what stands for vcita's SDK, which counts how often it was asked.
my $App = File::Temp->newdir;
my $TYPES = 'types { text/html html; text/javascript js; }';

sub put { my ($name, $text) = @_; open my $fh, '>', "$App/$name" or die "$App/$name: $!\n"; print $fh $text; close $fh }

my @code = slurp('docs/opened-from-vcita.md') =~ /^```js\n(.*?)^```$/msg;
@code == 2 && $code[0] =~ s{https://app\.example\.com/}{VcitaFlow::Code::site('/')}e or die "docs/opened-from-vcita.md: its code is another\n";
chmod 0755, $App;
put('code.js', join "\n", @code);
put('sdk.js', <<'END');
let asked = 0;
export default {
    asked: () => asked,
    getAuth: () => new Promise((resolve, reject) => {
        const id = ++asked;
        addEventListener('message', function answered({ source, data }) {
            if (source !== parent || data.id !== id) return;
            removeEventListener('message', answered);
            if (data.success) resolve(data.data); else reject(new Error('no token'));
        });
        parent.postMessage({ type: 'getAuth', id }, '*');
    }),
};
END
put('index.html', <<'END');
<!doctype html>
<title>A single-page app</title>
<script type="importmap">{ "imports": { "@vcita/intandem-app-com": "./sdk.js" } }</script>
<script type="module">
import sdk from './sdk.js';
import { api, events } from './code.js';
Object.assign(window, { sdk, api, got: [] });
window.listen = async (path) => { for await (const event of events(path)) window.got.push(event); };
document.body.append('The app is ready');
</script>
END

# a page of another host, and what an application does whose events come one after the other
sub pages {
    my $cert = VcitaCert->get;
    return "server {
        listen 127.0.0.1:$HTTPS ssl;
        server_name pages.example.net;
        ssl_certificate $cert->{site};
        ssl_certificate_key $cert->{site_key};
        location /app/ { alias $App/; }
    }
    server {
        listen 127.0.0.1:@{[ $HTTPS + 1 ]};
        location / { proxy_pass \$VCITA_APP; proxy_set_header Host \$http_host; }
        location = /api/events { proxy_buffering off; add_header X-Accel-Buffering no; proxy_pass \$VCITA_STUB/jwks.json; }
    }\n";
}

# examples/embedded.conf, less what belongs to another machine: paths, ports, vcita's hosts
sub embedded {
    my ($id, $secret) = @_;
    my $cert = VcitaCert->get;
    my ($http) = slurp(($ENV{VCITA_EXAMPLES} // 'examples') . '/embedded.conf') =~ /^http \{\n(.*)^\}/ms or die;
    my @changes = (
        [ qr/listen(\s+)443/,                        sub { "listen${1}127.0.0.1:$HTTPS" } ],
        [ qr{https://app\.example\.com/},            sub { "https://app.example.com:$HTTPS/" } ],
        [ qr{https://app\\\.example\\\.com},         sub { "https://app\\.example\\.com:$HTTPS" } ],
        [ qr/(\s)clients\.partner\.example(\s+)clients\.partner\.example;/,
                                                     sub { "${1}app.partner.test$2$BRAND{partner};" } ],
        [ qr/clients\.partner\.example/,             sub { $BRAND{partner} } ],
        [ qr/app\.vcita\.com/,                       sub { $BRAND{vcita} } ],
        [ qr/(client_id\s+)\w+/,                     sub { "$1$id" } ],
        [ qr{file:/etc/nginx/vcita/client_secret},   sub { $secret } ],
        [ qr{^\s*vcita_oauth_session_key_file.*\n}m, sub { '' } ],
        [ qr{/etc/nginx/\w+\.crt},                   sub { $cert->{site} } ],
        [ qr{/etc/nginx/\w+\.key},                   sub { $cert->{site_key} } ],
        [ qr{https://pages\.example\.net},          sub { VcitaFlow::Code::pages('') } ],
        [ qr{include\s+/etc/nginx/mime\.types;},      sub { $TYPES } ],
        [ qr{/var/www/app/},                         sub { "$App/" } ],
        [ qr{http://127\.0\.0\.1:8000},              sub { '$VCITA_APP' } ],
    );
    $http =~ s{(location /api/ .*?)http://127\.0\.0\.1:8000}{$1http://127.0.0.1:@{[ $HTTPS + 1 ]}}s or die "embedded.conf has no /api/\n";
    for my $change (@changes) {
        my ($what, $by) = @$change;
        $http =~ s/$what/$by->()/ge or die "embedded.conf has no $what\n";
    }
    return $http;
}

# each block has an app of its own at vcita
add_block_preprocessor(sub {
    my ($block) = @_;
    my ($number) = $block->name =~ /TEST (\d+)/;
    my ($id, $secret) = VcitaSandbox->create(name => "embedded$number", redirect_uri => VcitaFlow::Code::site('/oauth/callback'),
        url_params => \@TOLD, trusted => \0);

    my @lines = ('vcita_oauth_rate off;', 'vcita_oauth_token_endpoint ' . VcitaSandbox->url . '/oauth/token;',
        'vcita_oauth_userinfo_endpoint ' . VcitaSandbox->url . '/oauth/userinfo;',
        'vcita_oauth_jwks_endpoint ' . VcitaSandbox->url . '/v3/apps/.well-known/jwks.json;',
        'vcita_oauth_ssl_trusted_certificate ' . VcitaSandbox->url('ca') . ';');
    $block->set_value(http_config => join("\n", @lines) . "\n" . embedded($id, $secret) . pages());
    $block->set_value(config => '');
    $block->set_value(flow => "my \$code = 'embedded$number'; chromium->nobody; " . $block->flow);
});

run_tests();

__DATA__

=== TEST 1: Open app in a frame of another site, third-party cookies blocked and allowed: it ends on the application's page, signed out and signed in, from both brands
--- flow
for my $allowed (0, 1) {
    my $p = chromium->page($allowed ? (thirdPartyCookies => \1) : ());
    for my $brand (qw( vcita partner )) {
        my $what = "$brand, third-party cookies " . ($allowed ? 'allowed' : 'blocked');
        $p->clear_cookies;

        # a cookie of the application's that is not Partitioned, to see whether the browser does block
        $p->goto(site('/logout'));
        $p->evaluate('document.cookie = "third_party=1; SameSite=None; Secure; Path=/"');

        at_apps($p, $brand, $allowed ? 'alice' : 'bob');
        $p->click("#frame-$code");
        is allow($p), $brand eq 'vcita' ? 1 : 0, "$what: consent in the frame, once";
        my $frame = $p->until('"/open\?');
        my @urls = framed($p);
        my $host = $brand eq 'vcita' ? 'app.vcita.test' : 'app.partner.test';
        is hosts(@urls), "app.example.com $host app.example.com", "$what: by the brand's own host alone";
        is logins(@urls), 1, "$what: one login";
        my $asked = asked($p, frame => $frame);
        opened($asked, $brand, 'ed469f8764326a66', $what);
        is $asked->{header}{'sec-fetch-site'}, 'cross-site', "$what: for the browser, it is another site's frame";
        is $asked->{header}{cookie} // 'none', $allowed ? 'third_party=1' : 'none', "$what: as the browser is set";

        # less that of the logout before, outside of a frame
        my @cookies = grep { $_->{name} =~ /vcita_session/ && ($_->{partitionKey} // '') !~ m{^https://example\.com} } $p->cookies;
        is scalar(@cookies), 2, "$what: two cookies";
        is join(' ', map { ($_->{partitionKey} // 'none') =~ s{:\d+$}{}r } @cookies),
            join(' ', ('https://' . $host =~ s/^app\.//r) x 2), "$what: of frames in this brand alone";

        $p->goto(brand($brand, '/apps'));
        $frame = frame($p, $code);
        is logins(framed($p)), 0, "$what: signed in, no login";
        opened(asked($p, frame => $frame), $brand, 'ed469f8764326a66', "$what: again");
    }
}


=== TEST 2: Open app in a tab: it ends on the application's page, signed out and signed in, from both brands
--- flow
for my $brand (qw( vcita partner )) {
    my $p = chromium->page;
    my $host = $brand eq 'vcita' ? 'app.vcita.test' : 'app.partner.test';
    at_apps($p, $brand, 'alice');
    my $tab = $p->popup("#tab-$code");
    if ($brand eq 'vcita') {
        like $tab->text, qr/wants to use your vcita account/, 'vcita asks for consent once';
        like $tab->state->{url}, qr{^https://$host:}, 'at the brand\'s own host';
        $tab->click('#allow');
    } else {
        is hosts(@{ $tab->state->{asked} }), "app.example.com $host app.example.com", "$brand: by the brand's own host alone";
        is logins(@{ $tab->state->{asked} }), 1, "$brand: one login";
    }
    opened(asked($tab), $brand, 'ed469f8764326a66', $brand);

    $tab = $p->popup("#tab-$code");
    is hosts(@{ $tab->state->{asked} }), 'app.example.com', "$brand: signed in, vcita is not asked";
    opened(asked($tab), $brand, 'ed469f8764326a66', "$brand: again");
}


=== TEST 3: Open app when vcita has signed the person out meanwhile: vcita's login page at the brand's own host, then the application's page
--- flow
for my $brand (qw( vcita partner )) {
    my $host = $brand eq 'vcita' ? 'app.vcita.test' : 'app.partner.test';
    my $p = chromium->page;
    at_apps($p, $brand, 'alice');

    $p->clear_cookies('sandbox_sid');
    my $tab = $p->popup("#tab-$code");
    like $tab->text, qr/Sign in to vcita/, "$brand, a tab: vcita asks who it is";
    is hosts(@{ $tab->state->{asked} }), "app.example.com $host", "$brand, a tab: at the brand's own host";
    sign_in($tab);
    opened(asked($tab), $brand, 'ed469f8764326a66', "$brand, a tab");

    $p->clear_cookies('sandbox_sid');
    $p->click("#frame-$code");
    like $p->text, qr/Sign in to vcita/, "$brand, a frame: vcita asks who it is, before it shows one";
    sign_in($p);
    my $frame = $p->until('"/open\?');
    opened(asked($p, frame => $frame), $brand, 'ed469f8764326a66', "$brand, a frame");

    $p->clear_cookies;
    $p->evaluate('(() => { const f = document.querySelector("iframe"); f.src = f.src; })()');
    $frame = $p->until('Sign in to vcita');
    ok $frame, "$brand: or in the frame";
    sign_in($p, frame => $frame);
    $frame = $p->until('"/open\?');
    opened(asked($p, frame => $frame), $brand, 'ed469f8764326a66', "$brand, signed in in the frame");
}


=== TEST 4: a forged brand_host goes to the default host
--- flow
my $p = chromium->page;
for my $forged ('evil.example.net', 'app.partner.test%40evil.example.net', 'app.partner.test%0d%0aX:', '%2F%2Fevil.example.net',
    'evil.example.net&brand_host=app.partner.test')      # more of them: t/examples.t, without a browser
{
    $p->clear_cookies;
    $p->goto(site("/oauth/callback?business_uid=ed469f8764326a66&brand_host=$forged"));
    like $p->text, qr/Sign in to vcita/, "$forged: vcita's login page";
    is hosts(@{ $p->state->{asked} }, $p->state->{url}), 'app.example.com app.vcita.test', "$forged: at the default host";
}


=== TEST 5: a session of one business, Open app of another: one login, at the brand's own host, then it is the other's
--- flow
for my $brand (qw( vcita partner )) {
    my $p = chromium->page;
    at_apps($p, $brand, 'dana');
    $p->click("#frame-$code");
    allow($p);
    my $frame = $p->until('"/open\?');
    opened(asked($p, frame => $frame), $brand, 'ed469f8764326a66', "$brand, one business");

    at_apps($p, $brand, 'dana2');
    $p->click("#frame-$code");
    allow($p);
    $frame = $p->until('"/open\?');
    my @urls = framed($p);
    my $host = $brand eq 'vcita' ? 'app.vcita.test' : 'app.partner.test';
    is logins(@urls), 1, "$brand: one login";
    is hosts(@urls), "app.example.com $host app.example.com", "$brand: at the brand's own host";
    opened(asked($p, frame => $frame), $brand, '1111111111111111', "$brand, the other business");
}


=== TEST 6: a session that ends while the frame is open: the login that begins in the frame gets none of vcita's cookies; opened again from vcita, it goes on
--- flow
for my $brand (qw( vcita partner )) {
    my $p = chromium->page;
    at_apps($p, $brand, 'alice');
    $p->click("#frame-$code");
    allow($p);
    my $frame = $p->until('"/open\?');

    $p->clear_cookies('__Host-vcita_session');
    $p->evaluate('void(location.href = location.href.replace("/open", "/next"))', frame => $frame);
    $frame = $p->until('This page has expired|"/next');
    like $p->text(frame => $frame), qr/This page has expired/, "$brand: vcita cannot go on in the frame, its cookies are SameSite=Lax";

    $p->goto(brand($brand, '/apps'));
    $frame = frame($p, $code);
    is logins(framed($p)), 1, "$brand: opened again, one login";
    opened(asked($p, frame => $frame), $brand, 'ed469f8764326a66', "$brand, again");
}


=== TEST 7: the Apps page: good to read for everyone, on a large screen and a small one, in both color schemes
--- flow
for my $brand (qw( vcita partner )) {
    for my $width (1200, 360) {
        my $p = chromium->page(viewport => { width => $width, height => 740 });
        for my $path ('/apps', "/apps/$code") {
            my $what = "$brand, $width wide, $path";
            $p->goto(brand($brand, $path eq '/apps' ? '/apps?sandbox_user=dana' : $path));
            is $p->state->{status}, 200, "$what: there";
            like $p->text, qr/embedded/, "$what: shows the app";
            $p->evaluate('void(document.querySelector("details").open = true)') if $path eq '/apps';
            is $p->evaluate('document.documentElement.scrollWidth - innerWidth'), 0, "$what: as wide as the screen";
            for my $scheme ('light', $width > 1000 ? 'dark' : ()) {
                $p->scheme($scheme);
                my $axe = $p->axe;
                is join("\n", @{ $axe->{violations} }), '', "$what: axe, $scheme";
                cmp_ok $axe->{passes}, '>=', 10, "$what: axe looked, $scheme";
            }
            $p->scheme('light');
        }
    }
}


=== TEST 8: a single-page app of another host in the frame, by signed token and without any cookie: preflight, a stream of events, a token that ends, keys that rotate
--- flow
VcitaSandbox->create(name => 'salonapp', redirect_uri => pages('/app/'), url_params => [ 'business_uid' ]);
my $calls = sub { my $c = VcitaSandbox->control(GET => 'stats')->{calls}{keys} || {}; my $n = 0; $n += $_ for values %$c; $n };

# the gate has fetched the keys before, when a token of a key that it does not know came
my $unknown = join '.', (map { MIME::Base64::encode_base64url(encode_json($_)) } { alg => 'RS256', kid => 'unknown' },
    { iss => 'intandem', aud => 'salonapp', sub => 'a383717599bf1893', iat => time, exp => time + 300 }), 'A' x 342;
is browser(resolve => { 'app.example.com' => '127.0.0.1' })->get(site('/api/'), headers => [ Authorization => "Bearer $unknown" ])->status, 401, 'a token of no key';
wait_for { $calls->() == 1 } 10, 'the keys to be fetched';

# an application whose events come one by one: half a second of comments behind each
stub->always({ keys => { headers => { 'Content-Type' => 'text/event-stream' }, trickle => 0.1, trickle_bytes => 40,
    body => join '', map { "id: $_\ndata: event $_\n\n: " . 'x' x 196 . "\n\n" } 1 .. 3 } });

# the first token of the page has ended, so that it has little left of the minute that the gate allows beyond that
VcitaSandbox->control(POST => 'signed-tokens', { left => -48, count => 1 });
my $p = chromium->page;
at_apps($p, 'vcita', 'alice');
$p->click('#frame-salonapp');
my @in = (frame => $p->until('The app is ready'));
like +(framed($p))[-1], qr{^\Q@{[ pages('/app/?business_uid=ed469f8764326a66') ]}\E$}, 'the page of another host';

my $sent = $p->evaluate(q{api('orders', { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } }).then((r) => r.json())}, @in);
my %h = map { lc $_->[0] => $_->[1] } @{ $sent->{headers} };
is "$sent->{method} $sent->{uri} $sent->{body}", 'POST /api/orders {}', 'the application was asked';
is $h{'sec-fetch-site'}, 'cross-site', 'by another site';
is $h{'x-vcita-business'}, 'ed469f8764326a66', 'for this business';
is $h{'x-vcita-staff'}, 'a383717599bf1893', 'by this member of its staff';
is $h{$_}, undef, "no $_" for qw( cookie authorization );
is scalar(grep { $_->{method} eq 'OPTIONS' } stub->app_requests), 0, 'the preflight did not reach the application';
like access_log(), qr{"OPTIONS /api/orders HTTP/[\d.]+" 204 }, 'nginx answered it';
is $calls->(), 1, 'the keys are known';

# the page's next token is signed by another key, and the key of its first one is gone
VcitaSandbox->control(POST => 'keys', { keep => 0 });

$p->evaluate(q{void listen('events')}, @in);
wait_for { $p->evaluate('got.length', @in) } 60, 'an event';
is $p->evaluate('got[0].id + got[0].data', @in), '1event 1', 'the first one';
unlike access_log(), qr{"GET /api/events HTTP/[\d.]+" 200 }, 'while the answer goes on';

# half a minute after the gate has fetched the keys, it does so again
my %status;
my $ask = sub { my $s = $p->evaluate(q{api('orders').then((r) => r.status)}, @in); $status{$s}++; $s };
wait_for { $ask->(); $p->evaluate('sdk.asked()', @in) > 1 } 30, 'the page asks for another token';
like access_log(), qr{"GET /api/\w+ HTTP/[\d.]+" 401 }, 'since the first one had ended';
wait_for { $ask->() == 200 && $calls->() == 2 } 60, 'the new key passes';
is join(' ', sort keys %status) =~ s/^200 401$/200/r, '200', 'nothing else than 401 meanwhile';

wait_for { $p->evaluate('got.length', @in) >= 6 } 60, 'the stream once more';
is $p->evaluate('got.slice(0, 4).map(({ id }) => id).join("")', @in), '1231', 'all of it, in order';
is +(stub->requests('/jwks.json'))[-1]->header('Last-Event-ID'), '3', 'from where it was';
is join(' ', grep { !/vcita\.test$/ } map { $_->{domain} } $p->cookies), '', 'no cookie but those of vcita';
--- no_error_log
[alert]
