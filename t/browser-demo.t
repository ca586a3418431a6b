# The demo, as examples/demo/demo.sh starts it, through a real browser: on a phone, with the keyboard alone and without
# JavaScript, and each of its pages in light and dark.
# VCITA_SCREENSHOTS=docs/screenshots keeps the pictures that the README shows (make screenshots).

use lib 't/lib';
use VcitaChromium;
use VcitaTest;
use POSIX ();

repeat_each(1);

my $PORT = server_port() + 1;
my ($Demo, $Owner);

# the salon, and vcita: two names of one port
sub VcitaFlow::Code::site  { "http://localhost:$PORT$_[0]" }
sub VcitaFlow::Code::vcita { "http://127.0.0.1:$PORT$_[0]" }

# started once; what it prints
sub VcitaFlow::Code::demo {
    my $dir = VcitaFlow::servroot() =~ s{/[^/]*$}{}r;
    my $said = sub { local $/; open my $fh, '<', "$dir/demo.out" or return ''; return scalar(<$fh>) // '' };
    if (!$Demo) {
        $Owner = $$;
        $Demo = fork // die "fork: $!\n";
        if (!$Demo) {
            open STDIN, '<', '/dev/null';
            open STDOUT, '>', "$dir/demo.out";
            open STDERR, '>&', \*STDOUT;
            @ENV{qw( DEMO_PORT DEMO_DIR DEMO_MODULE NGINX_BINARY )} =
                ($PORT, "$dir/demo", $ENV{TEST_NGINX_LOAD_MODULES}, $ENV{TEST_NGINX_BINARY});
            delete $ENV{DEMO_EXIT};
            exec 'examples/demo/demo.sh' or POSIX::_exit(127);
        }
    }
    VcitaFlow::wait_for(sub {
        return 1 if $said->() =~ /Ctrl-C ends everything/;
        undef $Demo if waitpid $Demo, POSIX::WNOHANG();
        die "the demo has ended:\n" . $said->() if !$Demo;
        return 0;
    }, 60, 'the demo');
    return $said->();
}

END {
    if ($Demo && $$ == $Owner) {
        my $status = $?;
        kill TERM => $Demo;
        waitpid $Demo, 0;
        $? = $status;
    }
}

# vcita asks for consent again
sub VcitaFlow::Code::ask_again { VcitaFlow::browser()->request(DELETE => VcitaFlow::Code::vcita('/sandbox/consents')) }

sub VcitaFlow::Code::phone { VcitaFlow::Code::chromium()->page(viewport => { width => 360, height => 640 }, @_) }

# good to read and to use for everyone, in each size and color scheme
sub VcitaFlow::Code::good_page {
    my ($p, $name, $picture) = @_;
    for my $scheme ($picture ? qw( light dark ) : ()) {
        $p->scheme($scheme);
        $p->picture("$picture-$scheme");
    }
    my %how = (sizes => [ [ 1280, 800 ], [ 360, 640 ] ], schemes => [qw( light dark )]);
    VcitaFlow::is(join("\n", @{ $p->legible(%how)->{wrong} }), '', "$name: legible");
    my $tab = $p->reachable(%how);
    VcitaFlow::is(join("\n", @{ $tab->{wrong} }), '', "$name: Tab reaches all, and shows where it is");
    VcitaFlow::cmp_ok($tab->{stops}, '>', 0, "$name: Tab was tried");
}

# the keyboard alone; Tab, and vcita's autofocus, work once a page is there
sub VcitaFlow::Code::has_focus { my ($p, $where) = @_; $p->evaluate("document.activeElement.matches('$where')") }

sub VcitaFlow::Code::enter {
    my ($p) = @_;
    VcitaFlow::wait_for(sub { $p->press('Tab'); VcitaFlow::Code::has_focus($p, 'a, button') }, 10, 'Tab to reach a button');
    return $p->press('Enter', go => 1);
}

sub VcitaFlow::Code::type_in {
    my ($p, $email) = @_;
    VcitaFlow::wait_for(sub { VcitaFlow::Code::has_focus($p, '#email') }, 10, 'the focus on the email');
    $p->type($email);
    $p->press('Tab');
    $p->type('any');
    return $p->press('Enter', go => 1);
}

# a mouse
sub VcitaFlow::Code::sign_in {
    my ($p, $email) = @_;
    $p->fill('#email', $email);
    $p->fill('#password', 'any');
    return $p->click('#sign-in');
}

# preflight of the demo: its status, what it prints, and that with folder, ports and times that are alike each time
sub VcitaFlow::Code::preflight {
    my $dir = VcitaFlow::servroot() =~ s{/[^/]*$}{}r . '/demo';
    my $said = `examples/preflight.sh -b $ENV{TEST_NGINX_BINARY} -p $dir/ -c $dir/nginx.conf 2>&1`;
    my $alike = $said =~ s{\Q$dir\E}{/srv/demo}gr =~ s{:$PORT\b}{:8080}gr =~ s{\blocalhost:(?!8080\b)\d+}{localhost:8443}gr
        =~ s{ 0\.\d{6} s\b}{ 0.012345 s}gr;
    return ($? >> 8, $said, $alike);
}

# pictures of a terminal with a command and what it prints
sub VcitaFlow::Code::terminal {
    my ($name, $command, $said) = @_;
    my %as = ('<' => '&lt;', '&' => '&amp;');
    s/([<&])/$as{$1}/g for $command, $said;
    my $html = VcitaFlow::escape(<<"END");
<!DOCTYPE html><html lang="en"><title>terminal</title><meta name="color-scheme" content="light dark">
<style>
body { margin: 0; padding: 16px; background: #fff; color: #1f2328; font: 13px/19px "DejaVu Sans Mono", monospace }
pre { margin: 0; font: inherit; white-space: pre-wrap }
\@media (prefers-color-scheme: dark) { body { background: #0d1117; color: #e6edf3 } }
</style><pre>\$ $command
$said</pre>
END
    my $height = 400;
    for (1, 2) {
        my $p = VcitaFlow::Code::chromium()->page(viewport => { width => 860, height => $height });
        $p->goto("data:text/html;charset=utf-8,$html");
        my $is = $p->evaluate('document.body.offsetHeight');
        if ($is == $height) { $p->scheme($_), $p->picture("$name-$_") for qw( light dark ); return }
        $height = $is;
    }
}

add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(config => '');
    $block->set_value(flow => 'chromium->nobody; my $said = demo(); ask_again(); ' . $block->flow);
});

run_tests();

__DATA__

=== TEST 1: the demo shows a login, a sign-out, a refusal and a launch, and says where to look
--- flow
like $said, qr/^The login worked, and so did the rest\.$/m, 'all of it';
unlike $said, qr/^  FAILED/m, 'no step failed';
my ($port) = site('/') =~ /:(\d+)/;
like $said, qr{^  1\. ${\ quotemeta site('/') }$}m, 'the site';
like $said, qr{^  3\. ${\ quotemeta vcita('/apps') }$}m, 'vcita';
like $said, qr/^  ssh -N -L $port:127\.0\.0\.1:$port \S+\@\S+$/m, 'by ssh';
my %port = map { $_ => 1 } $said =~ m{^ *(?:\d+\. |-> )?(?:GET )?(?:POST )?http://(?:localhost|127\.0\.0\.1):(\d+)}mg;
is join(' ', sort keys %port), $port, 'one port leads a browser everywhere';


=== TEST 2: the demo on a phone, with the keyboard alone and without JavaScript: in, out, and Back shows no appointment
--- flow
my $p = phone(javaScriptEnabled => \0);
$p->goto(site('/'));
like $p->text, qr/Sign in to vcita\s+to continue to Tiara Back Office/, 'vcita names the app';
type_in($p, 'alice@example.biz');
like $p->text, qr/Tiara Back Office wants to use your vcita account/, 'vcita asks for consent';
is enter($p)->{url}, site('/'), 'in';
like $p->text, qr/Alice\s+alice\@example\.biz/, 'as Alice';
like $p->text, qr/10:30\s+Chlo\x{e9} Martin\s+Balayage\s+You\s+In the chair/, 'with her appointments';

is enter($p)->{url}, site('/logout'), 'out';
like $p->text, qr/You are signed out/, 'which the page says';
my $back = $p->back;
is scalar(grep { m{/app/oauth/authorize\?} } @{ $back->{asked} }), 1, 'Back is sent to vcita';
like $p->text, qr/Sign in to vcita/, 'which asks who it is';
unlike $p->text, qr/Balayage/, 'and shows no appointment';

is $p->goto(site('/logout'))->{status}, 200, 'the page of before';
enter($p);
like $p->text, qr/Sign in to vcita/, 'its way on: vcita asks who it is';


=== TEST 3: the demo refuses the staff of another business, and a client of the same one, and offers another account
--- flow
for my $email (qw( mallory@other.example carl@client.example )) {
    ask_again();
    my $p = phone(javaScriptEnabled => \0);
    $p->goto(site('/'));
    type_in($p, $email);
    is enter($p)->{status}, 403, "$email: refused";
    like $p->text, qr/\Q$email\E/, "$email: which the page says";
    unlike $p->text, qr/Appointments/, "$email: with nothing of the application";
    enter($p);
    like $p->text, qr/Sign in to vcita/, "$email: vcita asks for another account";
    type_in($p, 'bob@example.biz');
    enter($p);
    like $p->text, qr/Bob\s+bob\@example\.biz/, "$email: and lets that one in";
}


=== TEST 4: the demo's launch: vcita's Apps page opens the back office in a tab
--- flow
my $p = phone();
$p->goto(vcita('/apps'));
sign_in($p, 'dana@example.biz');
is $p->state->{url}, vcita('/apps'), 'the Apps page';
my $tab = $p->popup('#tab-backoffice');
$tab->click('#allow');
like $tab->state->{url}, qr{^${\ quotemeta site('/') }\?business_uid=ed469f8764326a66&}, 'the back office, with what vcita tells it';
like $tab->text, qr/Dana\s+dana\@example\.biz/, 'as Dana';


=== TEST 5: each page of the demo is good to read and to use, at a desk and on a phone, in light and dark
--- flow
my $p = phone();
$p->goto(site('/'));
good_page($p, 'sign in', 'flow-1-sign-in');
sign_in($p, 'alice@example.biz');
good_page($p, 'allow', 'flow-2-allow');
$p->click('#allow');
good_page($p, 'the appointments', 'flow-3-signed-in');
$p->evaluate('document.querySelector("details").open = true');
good_page($p, 'what the application knows');
$p->click('#sign-out');
good_page($p, 'signed out');
$p->goto(vcita('/apps'));
good_page($p, 'the Apps page');

$p = phone();
$p->goto(site('/'));
sign_in($p, 'mallory@other.example');
$p->click('#allow');
good_page($p, 'refused', 'flow-4-refused');


=== TEST 6: an app's name without a space sticks out of no card of vcita's pages
--- flow
my $name = 'f' x 25;
my $app = browser()->post(vcita('/platform/v1/apps'), undef, headers => [ Authorization => 'Bearer sandbox-directory-token' ],
    json => { name => $name, app_code_name => $name, redirect_uri => site('/none') });
is $app->status, 201, 'an app';
my $p = phone();
my $narrow = sub {
    my ($what) = @_;
    like $p->text, qr/\Q$name\E/, "$what: names the app";
    is join("\n", @{ $p->legible(sizes => [ [ 320, 640 ] ], schemes => ['light'])->{wrong} }), '', "$what: nothing sticks out";
};
$p->goto(vcita('/app/oauth/authorize?response_type=code&scope=openid&redirect_uri=' . escape(site('/none'))
    . '&client_id=' . $app->json->{data}{client_id}));
$narrow->('sign in');
sign_in($p, 'alice@example.biz');
$narrow->('allow');
$p->goto(vcita('/apps'));
$narrow->('the Apps page');


=== TEST 7: preflight looks at the demo: what is wrong, the command that mends it, and then nothing is wrong
--- flow
my $secret = servroot() =~ s{/[^/]*$}{}r . '/demo/client_secret';
chmod 0644, $secret or die "$secret: $!\n";
my ($status, $said, $alike) = preflight;
is $status, 1, 'wrong';
like $said, qr/^WRONG .*\Q$secret\E can be read or changed by others \(mode 0644\)$/m, 'the secret';
terminal('preflight', 'examples/preflight.sh -p /srv/demo/ -c /srv/demo/nginx.conf', $alike);
my ($fix) = $said =~ /^ +fix: (chmod 600 \S+)$/m;
is system($fix // 'false'), 0, 'its fix';
($status, $said) = preflight;
is $status, 0, 'nothing is wrong' or diag($said);
