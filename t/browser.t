# Seen through a real browser: Chromium, a real authorization server, and nginx with the gate, over https.
# VCITA_SCREENSHOTS=docs/screenshots keeps the pictures that the documents show (make screenshots).

use lib 't/lib';
use VcitaChromium;
use VcitaSandbox people => 1;
use VcitaTest;

repeat_each(1);

my ($HTTPS, $HTTP) = map { server_port() + $_ } 1, 2;

# addresses of the site, and of somebody else's
sub VcitaFlow::Code::site  { "https://portal.example.com:$HTTPS$_[0]" }
sub VcitaFlow::Code::plain { "http://portal.example.com:$HTTP$_[0]" }
sub VcitaFlow::Code::other { "https://other.example.net:$HTTPS$_[0]" }

# somebody fills in vcita's pages
sub VcitaFlow::Code::sign_in {
    my ($p, $email) = @_;
    $p->fill('#email', $email);
    $p->fill('#password', 'any');
    return $p->click('#sign-in');
}

# what the application was asked
sub VcitaFlow::Code::asked {
    my ($p) = @_;
    my $asked = VcitaFlow::decode_json($p->evaluate('document.querySelector("pre").textContent'));
    return { %$asked, header => { map { lc $_->[0] => $_->[1] } @{ $asked->{headers} } } };
}

sub VcitaFlow::Code::complains_not {
    my ($p, $where) = @_;
    VcitaFlow::is(join("\n", $p->complaints), '', "$where: nothing on the console");
}

# one of our pages: what it says, alone, and good to read for everyone in both color schemes
sub VcitaFlow::Code::own_page {
    my ($p, $status, $title, %opt) = @_;

    VcitaFlow::is($p->state->{status}, $status, "$title: status");
    VcitaFlow::like($p->evaluate('document.title', %opt), qr/^\Q$title\E - [a-z.]+$/, "$title: title");
    VcitaFlow::is(join("\n", $p->requests), '', "$title: no other request") unless $opt{frame};
    VcitaFlow::Code::complains_not($p, $title);

    my $may = $opt{may} // '^$';
    for my $scheme (qw( light dark )) {
        $p->scheme($scheme);
        my $axe = $p->axe;
        VcitaFlow::is(join("\n", grep { !/$may/ } @{ $axe->{violations} }), '', "$title: axe, $scheme");
        VcitaFlow::is(join("\n", @{ $axe->{incomplete} }), '', "$title: axe leaves nothing open, $scheme");
        VcitaFlow::cmp_ok($axe->{passes}, '>=', 10, "$title: axe looked, $scheme");
        $p->picture("$opt{picture}-$scheme") if $opt{picture};
    }
    $p->scheme('light');
}

# a page of somebody else's that shows the site
my $FRAME = <<'END';
>>> frame.html
<!DOCTYPE html><html lang="en"><title>other</title><link rel="icon" href="data:,">
<iframe title="portal" width="600" height="400" src="https://portal.example.com:$HTTPS/reports?year=2026"></iframe>
END

# a block's site is at https://portal.example.com, and known at vcita; its files are at https://other.example.net, too
add_block_preprocessor(sub {
    my ($block) = @_;
    my ($id, $secret) = VcitaSandbox->create(name => $block->name =~ s/\W+/-/gr, trusted => \0,
        redirect_uri => VcitaFlow::Code::site('/oauth/callback'));

    my $gate = $block->gate // '';
    my %given = (
        client_id          => $id,
        client_secret      => $secret,
        redirect_uri       => VcitaFlow::Code::site('/oauth/callback'),
        authorize_endpoint => VcitaSandbox->url . '/app/oauth/authorize',
    );
    for my $name (sort keys %given) {
        $gate .= "\nvcita_oauth_$name $given{$name};" unless $gate =~ /vcita_oauth_$name\s/;
    }
    $block->set_value(gate => $gate);
    VcitaSandbox->gate($block);

    $block->set_value(http_config => "ssl_certificate \$VCITA_CERT;\nssl_certificate_key \$VCITA_CERT_KEY;\n"
        . ($block->http_config // '') =~ s/\$HTTP\b/$HTTP/gr
        . "\nserver {\nlisten 127.0.0.1:$HTTPS ssl;\nserver_name portal.example.com;\n"
        . $block->site =~ s/\$HTTP\b/$HTTP/gr . "}\n"
        . "server {\nlisten 127.0.0.1:$HTTPS ssl;\nserver_name other.example.net;\n}\n");
    $block->set_value(config => '');
    $block->set_value(user_files => ($block->user_files // $FRAME) =~ s/\$HTTPS/$HTTPS/gr);
    $block->set_value(flow => 'chromium->nobody; ' . $block->flow);
});

run_tests();

__DATA__

=== TEST 1: login and consent end at the deep link, its query kept
--- gate
vcita_oauth_userinfo on;
--- site
location / {
    vcita_oauth on;
    proxy_set_header X-User $vcita_oauth_claim_email;
    proxy_pass $VCITA_APP;
}
--- flow
my $p = chromium->page;
my $deep = '/reports?year=2026&q=a%20b%2Fc&q=%C3%BC&empty=#row-7';
is $p->goto(site($deep))->{status}, 200, 'a page';
like $p->text, qr/Sign in to vcita/, 'of vcita';
sign_in($p, 'alice@example.biz');
like $p->text, qr/wants to use your vcita account/, 'asks for consent';
my $r = $p->click('#allow');
is $r->{status}, 200, 'in';
is $r->{url} =~ s/#.*//r, site($deep =~ s/#.*//r), 'at the address first asked for';
is asked($p)->{uri}, $deep =~ s/#.*//r, 'which the application sees';
is asked($p)->{header}{'x-user'}, 'alice@example.biz', 'with the person';
unlike asked($p)->{header}{cookie} // '', qr/vcita_session/, 'and none of our cookies';
complains_not($p, 'in');

is $p->goto(site('/next#row-7'))->{url}, site('/next#row-7'), 'and on, without vcita';


=== TEST 2: the fragment of an address is kept where vcita asks nothing
--- gate
vcita_oauth_authorize_args sandbox_user=alice;
--- site
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $p = chromium->page;
my $r = $p->goto(site('/reports?year=2026#row-7'));
is $r->{status}, 200, 'in';
is $r->{url}, site('/reports?year=2026#row-7'), 'browsers carry it along';


=== TEST 3: the cookies as the browser has them
--- gate
vcita_oauth_authorize_args sandbox_user=alice;
--- site
location / { vcita_oauth on; root html; }
--- user_files
>>> deep/er/index.html
<!DOCTYPE html><html lang="en"><title>in</title><link rel="icon" href="data:,"><p>signed in
--- flow
my $p = chromium->page;
is $p->goto(site('/deep/er/'))->{status}, 200, 'in';
my %cookie = map { $_->{name} => $_ } grep { $_->{domain} =~ /example\.com/ } $p->cookies;
is join(' ', sort keys %cookie), '__Host-vcita_session __Host-vcita_session_login', 'two, by their names';
for my $name (sort keys %cookie) {
    my $c = $cookie{$name};
    ok $c->{httpOnly}, "$name: HttpOnly";
    ok $c->{secure}, "$name: Secure";
    is $c->{sameSite}, 'Lax', "$name: SameSite";
    is $c->{path}, '/', "$name: Path";
    is $c->{domain}, 'portal.example.com', "$name: of this host alone";
    my $life = $c->{expires} - time;
    my $want = $name =~ /login/ ? 600 : 8 * 3600;
    cmp_ok $life, '<=', $want + 5, "$name: ends in time";
    cmp_ok $life, '>', $want - 120, "$name: lives that long";
}
is $p->evaluate('document.cookie'), '', 'no script sees them';
complains_not($p, 'in');


=== TEST 4: ten tabs opened at once without a session: all get in, at vcita's pace
--- gate
vcita_oauth_authorize_args sandbox_user=alice;
no vcita_oauth_rate;
--- site
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $p = chromium->page;
my @tabs = $p->tabs(map { site("/tab?n=$_") } 1 .. 10);
is join(' ', map { $_->state->{status} } @tabs), join(' ', (200) x 10), 'all are in';
is join(' ', map { asked($_)->{uri} } @tabs), join(' ', map { "/tab?n=$_" } 1 .. 10), 'each at its own address';
is scalar(grep { $_->{name} =~ /vcita_session/ } $p->cookies), 2, 'with two cookies together';


=== TEST 5: tabs that waited at vcita's login page get in by the login of one of them
--- gate
--- site
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $p = chromium->page;
my @tabs = $p->tabs(map { site("/tab?n=$_") } 1 .. 3);
like $_->text, qr/Sign in to vcita/, 'at vcita' for @tabs;
sign_in($tabs[1], 'alice@example.biz');
$tabs[1]->click('#allow');
is asked($tabs[1])->{uri}, '/tab?n=2', 'one is in';
sign_in($tabs[2], 'alice@example.biz');
is asked($tabs[2])->{uri}, '/tab?n=3', 'one goes on where it was';
is $tabs[0]->goto(site('/tab?n=1'))->{status}, 200, 'one is opened anew';


=== TEST 6: logout, from the site and from another one
--- gate
--- site
location / { vcita_oauth on; root html; }
location = /logout { vcita_oauth_logout; }
--- user_files
>>> in.html
<!DOCTYPE html><html lang="en"><title>in</title><link rel="icon" href="data:,"><a id="out" href="/logout">Sign out</a>
>>> other.html
<!DOCTYPE html><html lang="en"><title>other</title><link rel="icon" href="data:,">
<a id="out" href="https://portal.example.com:$HTTPS/logout">Win a prize</a>
--- flow
my $p = chromium->page;
$p->goto(site('/in.html'));
sign_in($p, 'alice@example.biz');
is $p->click('#allow')->{url}, site('/in.html'), 'in';

$p->click('#out');
own_page($p, 200, 'You are signed out');
is join(' ', map { $_->{name} } grep { $_->{domain} =~ /example\.com/ } $p->cookies), '__Host-vcita_session_login', 'no session is left';
$p->goto(site('/in.html'));
like join(' ', @{ $p->state->{asked} }), qr{ https://localhost:\d+/app/oauth/authorize\?}, 'then, a new login';
like $p->text, qr/Sign in to vcita/, 'for which vcita asks who it is, although she is signed in there';
sign_in($p, 'alice@example.biz');
is $p->state->{url}, site('/in.html'), 'and she is in again';

is $p->goto(other('/other.html'))->{status}, 200, 'another site';
$p->click('#out');
own_page($p, 200, 'Do you want to sign out?');
is scalar(grep { $_->{name} eq '__Host-vcita_session' } $p->cookies), 1, 'still signed in';
$p->click('button');
own_page($p, 200, 'You are signed out');
is scalar(grep { $_->{name} eq '__Host-vcita_session' } $p->cookies), 0, 'now she is not';


=== TEST 7: the refusal page, and another account from there
--- gate
vcita_oauth_userinfo on;
--- site
location / {
    vcita_oauth on;
    vcita_oauth_require $vcita_oauth_claim_business_uid ed469f8764326a66;
    proxy_set_header X-User $vcita_oauth_claim_email;
    proxy_pass $VCITA_APP;
}
--- flow
my $p = chromium->page;
$p->goto(site('/reports?year=2026'));
sign_in($p, 'mallory@other.example');
$p->click('#allow');
own_page($p, 403, "You don't have access with this account", picture => 'not-allowed');
like $p->text, qr/\Qmallory\E@/, 'it says who is signed in';

$p->click('main a');
like $p->text, qr/Sign in to vcita/, 'vcita asks again';
sign_in($p, 'alice@example.biz');
$p->click('#allow');
is $p->state->{url}, site('/reports?year=2026'), 'at the address first asked for';
is asked($p)->{header}{'x-user'}, 'alice@example.biz', 'as somebody else';
--- error_log
is not met


=== TEST 8: denied consent, and signing in after all
--- gate
--- site
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $p = chromium->page;
$p->goto(site('/reports?year=2026'));
sign_in($p, 'alice@example.biz');
$p->click('#deny');
own_page($p, 403, 'Access was not allowed', picture => 'access-denied');

$p->click('main a');
like $p->text, qr/wants to use your vcita account/, 'vcita asks again';
$p->click('#allow');
is asked($p)->{uri}, '/reports?year=2026', 'in, at the address first asked for';


=== TEST 9: a session that ends while a page is open: fetch and XHR get 401, and the page helps itself
--- gate eval
'vcita_oauth_authorize_args sandbox_user=alice; vcita_oauth_session_timeout ' . 6 * VcitaLoop::scale() . 's;'
--- site
location / { vcita_oauth on; root html; }
location /api { vcita_oauth on; proxy_pass $VCITA_APP; }
--- user_files
>>> app.html
<!DOCTYPE html>
<html lang="en"><title>app</title><link rel="icon" href="data:,">
<p id="said">loading</p>
<script>
async function load() {
    const answer = await fetch('/api?n=1');
    if (answer.status === 401) {
        sessionStorage.setItem('ended', (await answer.text()).trim());
        location.reload();
        return;
    }
    document.getElementById('said').textContent =
        `${(await answer.json()).uri}, ${sessionStorage.getItem('ended') || 'at once'}`;
}
load();
</script>
--- flow
my $p = chromium->page;
$p->goto(site('/app.html'));
$p->until('/api\?n=1, at once');

my $xhr = 'new Promise((done) => { const x = new XMLHttpRequest(); x.open("GET", "/api");'
    . ' x.setRequestHeader("Accept", "*/*"); x.onloadend = () => done(`${x.status} ${x.responseURL}`); x.send(); })';
is $p->evaluate($xhr), '200 ' . site('/api'), 'XHR with a session';
wait_for { $p->evaluate($xhr) eq '401 ' . site('/api') } 30, 'XHR after its end to be 401';
is $p->evaluate('fetch("/api").then((answer) => answer.headers.get("WWW-Authenticate"))'), 'Bearer realm="vcita"',
    'fetch is told how';
is $p->evaluate('fetch("/api", { method: "POST", body: "x" }).then((answer) => answer.status)'), 401, 'so is a POST';

$p->evaluate('load() && 1');
$p->until('/api\?n=1, sign in first');
is $p->state->{url}, site('/app.html'), 'in again, on the same page';


=== TEST 10: a form that is sent without a session: sign in in a new tab, then send it again
--- gate
vcita_oauth_authorize_args sandbox_user=alice;
--- site
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location = /form.html { vcita_oauth on; root html; }
--- user_files
>>> form.html
<!DOCTYPE html><html lang="en"><title>form</title><link rel="icon" href="data:,">
<form method="post" action="/save"><label>Text <input id="text" name="text"></label><button>Send</button></form>
--- flow
my $p = chromium->page;
$p->goto(site('/form.html'));
$p->until('Text');
$p->clear_cookies;
$p->fill('#text', 'a long text');
$p->click('button');
own_page($p, 401, 'Please sign in');

my $tab = $p->popup('main a');
$tab->until('Text');
is $tab->state->{url}, site('/form.html'), 'signed in, in another tab, at the page of the form';
is scalar(stub->app_requests), 0, 'which has sent nothing again';
$p->evaluate('setTimeout(() => history.back())');
$p->until('Text');
is $p->evaluate('document.querySelector("#text").value'), 'a long text', 'what was typed is there';
is $p->click('button')->{status}, 200, 'sent again';
is asked($p)->{method} . ' ' . asked($p)->{uri}, 'POST /save', 'and received';


=== TEST 11: pages of logins that fail
--- gate
vcita_oauth_authorize_args sandbox_user=alice;
--- site
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /secret/ {
    vcita_oauth on;
    proxy_pass $VCITA_APP;
}
--- flow
my $p = chromium->page;
$p->goto(site('/oauth/callback?code=x&state=x'));
own_page($p, 400, 'This is not a sign-in that this site began');

my $faulty = sub {
    my ($status, $title, @faults) = @_;
    VcitaSandbox->control(POST => 'faults', [ @faults ]);
    $p->clear_cookies;
    $p->goto(site('/reports'));
    own_page($p, $status, $title);
    VcitaSandbox->control(DELETE => 'faults');
};
$faulty->(502, 'vcita gave an unexpected answer', { endpoint => 'token', kind => 'garbage' });
$faulty->(502, 'vcita gave an unexpected answer', { endpoint => 'token', kind => 'big' });
$p->click('main a');
is $p->state->{status}, 200, 'trying again does help';
--- error_log
returned no token


=== TEST 12: a site that is not set up correctly
--- gate
vcita_oauth_authorize_args sandbox_user=alice;
vcita_oauth_client_secret no-such-secret-0123456789abcdef;
--- site
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $p = chromium->page;
$p->goto(site('/'));
own_page($p, 502, 'This site is not set up correctly', picture => 'invalid-client');
is join(' ', access_log() =~ m{"GET ([^ ?]+)}g), '/ /oauth/callback', 'no other request, for an icon say, has come';
--- error_log
invalid_client


=== TEST 13: vcita cannot be reached
--- gate
vcita_oauth_authorize_args sandbox_user=alice;
vcita_oauth_ssl_trusted_certificate $VCITA_CA_OTHER;
--- site
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $p = chromium->page;
$p->goto(site('/'));
own_page($p, 502, 'vcita cannot be reached');
--- error_log
is unreachable


=== TEST 14: the page of those who wait for their turn
--- gate
vcita_oauth_authorize_args sandbox_user=alice;
vcita_oauth_rate 1r/m;
--- site
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
is chromium->page->goto(site('/'))->{status}, 200, 'the first one is in';
my $p = chromium->page;
$p->goto(site('/reports'));
own_page($p, 503, 'Many people are signing in right now', picture => 'rate-limited', may => '^meta-refresh: ');
--- error_log
vcita_oauth_rate has no free slot for this login


=== TEST 15: shown inside of another site: with samesite lax the login is lost, and the page in the frame says so
--- gate
vcita_oauth_authorize_args sandbox_user=alice;
--- site
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $p = chromium->page;
$p->goto(other('/frame.html'));
my $frame = $p->until('could not be matched to this browser');
like $p->evaluate('document.title', frame => $frame), qr/^The sign-in could not be matched to this browser - /, 'lost';
like $p->text(frame => $frame), qr/in a tab of its own/, 'and what helps';
is scalar(grep { $_->{name} =~ /vcita_session/ } $p->cookies), 0, 'the browser has kept no cookie';

is $p->goto(site('/reports?year=2026'))->{status}, 200, 'in a tab of its own she is in';
--- error_log
vcita login given up after 3 rounds: state_mismatch


=== TEST 16: shown inside of another site: with samesite none the login works in the frame, and for that site alone
--- gate
vcita_oauth_authorize_args sandbox_user=alice;
vcita_oauth_cookie_samesite none;
--- site
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $p = chromium->page;
$p->goto(other('/frame.html'));
my $frame = $p->until('"/reports\?year=2026"');
is $p->evaluate('location.href', frame => $frame), site('/reports?year=2026'), 'in, in the frame';
my @cookies = grep { $_->{name} =~ /vcita_session/ } $p->cookies;
is scalar(@cookies), 2, 'two cookies';
for my $c (@cookies) {
    is $c->{sameSite}, 'None', "$c->{name}: SameSite";
    ok $c->{secure}, "$c->{name}: Secure";
    ok $c->{httpOnly}, "$c->{name}: HttpOnly";
    like $c->{partitionKey} // 'none', qr{^https://example\.net}, "$c->{name}: of the site around it alone";
}


=== TEST 17: http and https mixed: who comes by http gets in at https
--- gate
vcita_oauth_authorize_args sandbox_user=alice;
--- http_config
server {
    listen 127.0.0.1:$HTTP;
    server_name portal.example.com;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- site
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
--- flow
my $p = chromium->page;
my $r = $p->goto(plain('/reports?year=2026'));
is $r->{status}, 200, 'in';
is $r->{url}, site('/reports?year=2026'), 'at https';
is join(' ', map { $_->{secure} ? 'Secure' : 'plain' } grep { $_->{name} =~ /vcita_session/ } $p->cookies), 'Secure Secure',
    'with cookies that http never saw';


=== TEST 18: http and https mixed: a loop between them ends with a page that says so
--- gate
vcita_oauth_authorize_args sandbox_user=alice;
--- http_config
server {
    listen 127.0.0.1:$HTTP;
    server_name portal.example.com;
    location / { vcita_oauth on; proxy_pass $VCITA_APP; }
}
--- site
vcita_oauth on;
location / { return 301 http://$host:$HTTP$request_uri; }
location = /oauth/callback { }
--- flow
my $p = chromium->page;
$p->goto(plain('/reports?year=2026'));
own_page($p, 400, 'Your sign-in keeps getting lost');
like $p->text, qr/was opened by http/, 'it says why';
cmp_ok scalar(@{ $p->state->{asked} }), '<=', 16, 'well before the browser has enough of redirects';
--- error_log
did not come back: the request came over http


=== TEST 19: logout over plain http, where a browser sends no Sec-Fetch-Site: a form of another site gets a page with a button, which works
--- gate
--- http_config
server {
    listen 127.0.0.1:$HTTP;
    server_name portal.example.com;
    location = /logout { vcita_oauth_logout; }
}
server { listen 127.0.0.1:$HTTP; server_name other.example.net; }
--- site
location / { vcita_oauth on; root html; }
--- user_files eval
">>> other.html\n"
. '<!DOCTYPE html><html lang="en"><title>other</title><link rel="icon" href="data:,">'
. '<form method="post" action="' . VcitaFlow::Code::plain('/logout') . "\"><button>Win a prize</button></form>\n"
--- flow
my $p = chromium->page;
$p->goto(plain('/other.html') =~ s/portal\.example\.com/other.example.net/r);
$p->click('button');
own_page($p, 200, 'Do you want to sign out?');
$p->click('button');
own_page($p, 200, 'You are signed out');


=== TEST 20: Back after a logout: Chromium shows a private page once more, but for no-store, and after Clear-Site-Data
--- gate
vcita_oauth_authorize_args sandbox_user=alice;
--- site
location / { vcita_oauth on; proxy_pass $VCITA_APP; }
location /public { vcita_oauth on; expires 1h; proxy_pass $VCITA_APP; }
location /account { vcita_oauth on; add_header Cache-Control no-store; proxy_pass $VCITA_APP; }
location = /logout { vcita_oauth_logout /bye; }
location = /bye { default_type text/html; return 200 "<!DOCTYPE html><title>bye</title><p>Signed out"; }
location = /logout-clear { vcita_oauth_logout /cleared; }
location = /cleared { add_header Clear-Site-Data '"cache"'; default_type text/html; return 200 "<!DOCTYPE html><title>bye</title><p>Signed out"; }
--- flow
for (map { my $path = $_; map { [ $path, $_ ] } qw( /logout /logout-clear ) } qw( / /public /account )) {
    my ($path, $logout) = @$_;
    my $p = chromium->page;
    is $p->goto(site($path))->{status}, 200, "$path: in";
    my $text = $p->text;
    $p->goto(site($logout));
    is $p->text, 'Signed out', "$path: out by $logout";

    my $back = $p->back;
    my $asked = grep { m{/oauth/authorize} } @{ $back->{asked} };
    if ($path eq '/account' || $logout eq '/logout-clear') {
        is $asked, 1, "$path, $logout: Back asks, and is sent to vcita";
        isnt $p->text, $text, "$path, $logout: it is another page";
    } else {
        is $asked, 0, "$path, $logout: Back asks nothing";
        is $p->text, $text, "$path, $logout: it is the page of before";
        $p->goto(site('/other'));
        is scalar(grep { m{/oauth/authorize} } @{ $p->state->{asked} }), 1, "$path, $logout: and nothing else";
    }
}
