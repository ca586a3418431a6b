# examples/register-app.sh: an app of vcita's, its secret in a file of its own, and each fault.

use lib 't/lib';
use VcitaSandbox;
use VcitaTest;

use File::Temp ();
use IO::Pty ();
use VcitaCert ();

repeat_each(1);

my $Dir = File::Temp->newdir;
my $Examples = $ENV{VCITA_EXAMPLES} // 'examples';
my $TOKEN = 'sandbox-directory-token';
my $n = 0;

sub put {
    my ($name, $text, $mode) = @_;
    open my $fh, '>', "$Dir/$name" or die "$Dir/$name: $!\n";
    print $fh $text;
    close $fh;
    chmod $mode // 0600, "$Dir/$name";
    return "$Dir/$name";
}

put('token', "$TOKEN\n");
put('stderr', '');


# -- in a flow ---------------------------------------------------------------------------------------

# Runs it; typed: at a terminal, where this is typed when it asks.
sub VcitaFlow::Code::register {
    my ($args, %opt) = @_;
    my @command = ('bash', "$Examples/register-app.sh", @$args);
    my $pty = defined $opt{typed} ? IO::Pty->new : undef;
    my $errors = "$Dir/stderr";

    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        delete @ENV{qw( https_proxy http_proxy all_proxy HTTPS_PROXY ALL_PROXY )};
        open STDERR, '>', $errors;
        if ($pty) {
            $pty->make_slave_controlling_terminal;
            open STDIN, '<&', $pty->slave;
        } else {
            open STDIN, '<', $opt{stdin} // '/dev/null';
        }
        exec @command or POSIX::_exit(127);
    }

    my $echo = '';
    if ($pty) {
        VcitaFlow::wait_for(sub { slurp($errors) =~ /token/ }, 15, 'the question');
        print $pty "$opt{typed}\n";
        $pty->flush;
    }
    $opt{meanwhile}->() if $opt{meanwhile};

    my $said = do { local $/; <$out> } // '';
    close $out;
    my $status = $? >> 8;
    if ($pty) { $pty->blocking(0); sysread $pty, $echo, 65536; $pty->close }
    return { status => $status, out => $said, err => slurp($errors), echo => $echo // '' };
}

sub slurp { local $/; open my $fh, '<', $_[0] or return ''; return <$fh> // '' }
sub VcitaFlow::Code::slurp { slurp(@_) }

# the usual arguments, with a code name of this call's own
sub VcitaFlow::Code::args {
    my @more = @_;
    my ($api, $ca) = at();
    return [ '--api', $api, '--cacert', $ca, '--token-file', "$Dir/token", '--secret-file', "$Dir/secret",
             '--code-name', 'test' . ++$n, @more, 'Portal', 'https://portal.example.com/oauth/callback' ];
}

# the sandbox's https address, and its CA
sub at {
    my $block = bless { gate => '' }, 'VcitaSandbox::Gate';
    VcitaSandbox->gate($block);
    my ($api) = $block->{gate} =~ m{token_endpoint (https://[^/]+)/};
    my ($ca) = $block->{gate} =~ /trusted_certificate (\S+);/;
    return ($api, $ca);
}

{
    package VcitaSandbox::Gate;
    sub gate { return $_[0]{gate} }
    sub set_value { $_[0]{gate} = $_[2] }
}

# it fails, says why and what mends it, and leaves no file and no secret
sub VcitaFlow::Code::refuses {
    my ($args, $what, $fix, %opt) = @_;
    my $before = join ' ', sort glob "$Dir/* $Dir/.client*";
    my $r = VcitaFlow::Code::register($args, %opt);

    VcitaFlow::Code::is($r->{status}, $opt{status} // 1, "exit status: $what") or VcitaFlow::Code::diag($r->{out} . $r->{err});
    VcitaFlow::Code::like($r->{err}, $what, "what: $what");
    VcitaFlow::Code::like($r->{err}, $fix, "how to mend it: $what") if $fix;
    VcitaFlow::Code::is($r->{out}, '', "no lines for nginx.conf: $what");
    VcitaFlow::Code::unlike($r->{err}, qr/$TOKEN/, "no token: $what");
    VcitaFlow::Code::is(join(' ', sort glob "$Dir/* $Dir/.client*"), $before, "no file: $what") unless $opt{leaves};
    return $r;
}

sub VcitaFlow::Code::answers {
    my ($status, $body, %more) = @_;
    VcitaSandbox->control(DELETE => 'faults');
    VcitaSandbox->control(POST => 'faults', { endpoint => 'apps', kind => 'status', status => $status,
        content_type => 'application/json', defined $body ? (body => $body) : (), %more });
}

sub VcitaFlow::Code::no_faults { VcitaSandbox->control(DELETE => 'faults') }
sub VcitaFlow::Code::asked { my $c = VcitaSandbox->control(GET => 'stats')->{calls}{apps} // {}; my $s = 0; $s += $_ for values %$c; return $s }
sub VcitaFlow::Code::dir { "$Dir" }
sub VcitaFlow::Code::token { $TOKEN }
sub VcitaFlow::Code::put { put(@_) }
sub VcitaFlow::Code::at { at() }
sub VcitaFlow::Code::gate_of { my $b = bless { gate => $_[0] }, 'VcitaSandbox::Gate'; VcitaSandbox->gate($b); return $b->gate }

run_tests();

__DATA__

=== TEST 1: register-app: an app, its secret in a file that only its owner reads, and the lines for nginx.conf
--- config
--- flow
my $r = register(args('--scope', 'openid', '--scope', 'email'));
is $r->{status}, 0, 'done' or diag $r->{err};
is $r->{err}, '', 'no complaint';
like $r->{out}, qr{\A# test\d+, created at https://localhost:\d+
vcita_oauth_client_id      ([0-9a-f]{32});
vcita_oauth_client_secret  file:\Q@{[ dir() ]}\E/secret;
vcita_oauth_redirect_uri   https://portal\.example\.com/oauth/callback;
vcita_oauth_scope          openid email;
\z}, 'the lines';

my $secret = slurp(dir() . '/secret');
like $secret, qr/\A[0-9a-f]{64}\n\z/, 'the secret';
is sprintf('%04o', (stat dir() . '/secret')[2] & 07777), '0600', 'its mode';
chomp $secret;
unlike $r->{out} . $r->{err}, qr/$secret|@{[ token() ]}/, 'neither secret nor token is shown';
is_deeply [ glob dir() . '/.client*' ], [], 'no other file';

# what it printed is what nginx takes
my $conf = put('nginx.conf', "load_module $ENV{TEST_NGINX_LOAD_MODULES};\npid @{[ dir() ]}/pid;\nerror_log /dev/null;\nevents {}\nhttp {\n"
    . "access_log off;\n" . join('', map { "${_}_temp_path @{[ dir() ]}/$_;\n" } qw( client_body proxy fastcgi uwsgi scgi ))
    . "$r->{out}\nserver { listen @{[ port() ]}; server_name portal.example.com; location / { vcita_oauth on; } } }\n");
my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $said = `$nginx -t -c $conf 2>&1`;
is $?, 0, 'nginx -t' or diag $said;

# and vcita knows the secret
my ($api, $ca) = at();
my ($id) = $r->{out} =~ /client_id +(\w+);/;
put('curl', "url = \"$api/oauth/token\"\ncacert = \"$ca\"\ndata = \"grant_type=authorization_code&code=x&client_id=$id&client_secret=$secret&redirect_uri=x\"\n");
like `curl -qsS -K @{[ dir() ]}/curl`, qr/"invalid_grant"/, 'it is the right one';
unlink map { dir() . "/$_" } qw( secret nginx.conf curl );


=== TEST 2: register-app: the token is asked for without an echo, or comes from standard input
--- config
--- flow
my $args = sub { my @a = @{ args() }; splice @a, 4, 2, @_; return \@a };
my $r = register($args->(), typed => token());
is $r->{status}, 0, 'typed' or diag $r->{err};
unlike $r->{echo} . $r->{out} . $r->{err}, qr/@{[ token() ]}/, 'no echo';
unlink dir() . '/secret';

is register($args->('--token-file', '-'), stdin => dir() . '/token')->{status}, 0, 'standard input';
unlink dir() . '/secret';
refuses($args->(), qr/no terminal to ask at: --token-file/, undef, status => 2);

chmod 0644, dir() . '/token';
$r = register(args());
is $r->{status}, 0, 'a token that others can read';
like $r->{err}, qr/warning: others can read the token: chmod 600/, 'is said';
chmod 0600, dir() . '/token';
unlink dir() . '/secret';


=== TEST 3: register-app: no process has the token or the secret in its arguments or its environment
--- config
--- flow
no_faults();
VcitaSandbox->control(POST => 'faults', { endpoint => 'apps', kind => 'delay', ms => 1500, count => 1 });
my ($seen, $curl) = ('', 0);

my $r = register(args(), meanwhile => sub {
    wait_for {
        for my $dir (glob '/proc/[0-9]*') {
            my $line = slurp("$dir/cmdline");
            next unless $line =~ /curl|register-app/ && $line !~ /prove/;
            $curl = 1 if $line =~ /\Acurl\0/ && $line =~ /max-filesize/;
            $seen .= $line . slurp("$dir/environ");
        }
        $curl
    } 15, 'curl';
});
is $r->{status}, 0, 'done' or diag $r->{err};
like $seen, qr/curl/, 'curl was seen';
unlike $seen, qr/@{[ token() ]}/, 'without the token';
unlink dir() . '/secret';


=== TEST 4: register-app: the file is there already: nothing is asked; --force replaces it
--- config
--- flow
put('secret', 'of before');
my $asked = asked();
refuses(args(), qr/secret is there already/, qr/fix: --secret-file with another name, or --force/);
is slurp(dir() . '/secret'), 'of before', 'as it was';
is asked(), $asked, 'vcita was not asked';

is register(args('--force'))->{status}, 0, '--force';
like slurp(dir() . '/secret'), qr/\A[0-9a-f]{64}\n\z/, 'the new one';
is sprintf('%04o', (stat dir() . '/secret')[2] & 07777), '0600', 'its mode';
unlink dir() . '/secret';
symlink dir() . '/elsewhere', dir() . '/secret';
refuses(args(), qr/there already/, qr/--force/);
ok !-e dir() . '/elsewhere', 'a symbolic link is not followed';
unlink dir() . '/secret';


=== TEST 5: register-app: the file cannot be written: said before the app is created
--- config
--- flow
my $asked = asked();
refuses(args('--secret-file', dir() . '/nowhere/secret'), qr/no file can be written in \S+\/nowhere/, qr/fix: install -d -m 700 \S+\/nowhere.*no app was created/);
refuses(args('--secret-file', '/proc/secret'), qr/no file can be written in \/proc/, qr/no app was created/);
mkdir dir() . '/folder';
refuses(args('--secret-file', dir() . '/folder'), qr/there already/, qr/another name/);
refuses(args('--secret-file', dir() . '/folder', '--force'), qr/there already/, qr/another name/);
is asked(), $asked, 'vcita was not asked';


=== TEST 6: register-app: it came to be there meanwhile: the secret is kept beside it
--- config
--- flow
VcitaSandbox->control(POST => 'faults', { endpoint => 'apps', kind => 'delay', ms => 1500, count => 1 });
my $r = register(args(), meanwhile => sub {
    wait_for { glob dir() . '/.client_secret.*' } 15, 'its file';
    put('secret', 'of somebody else');
});
is $r->{status}, 1, 'said';
like $r->{err}, qr/came to be there meanwhile; the secret of client_id \w+ is in (\S+)\n +fix: mv it/, 'where it is';
my ($kept) = $r->{err} =~ /is in (\S+)/;
like slurp($kept), qr/\A[0-9a-f]{64}\n\z/, 'it is';
is slurp(dir() . '/secret'), 'of somebody else', 'and that one is as it was';
unlink $kept, dir() . '/secret';


=== TEST 7: register-app: the token is wrong, or none
--- config
--- flow
put('other', "another-token\n");
refuses(args('--token-file', dir() . '/other'), qr/vcita refuses the token \(401: Unauthorized\)/, qr/fix: take a directory token/);
answers(403, '{"status":"Error","error":"Forbidden"}');
refuses(args(), qr/vcita refuses the token \(403: Forbidden\)/, qr/directory token/);
no_faults();

my $asked = asked();
for my $bad ('', "\n", "two words\n", "a\"b\n", "a\\b\n", "a\x01b\n") {
    put('other', $bad);
    refuses(args('--token-file', dir() . '/other'), qr/the token is invalid/, qr/no app was created/);
}
refuses(args('--token-file', dir() . '/nothing'), qr/token file \S+ cannot be read/, qr/name another one/);
is asked(), $asked, 'vcita was not asked';


=== TEST 8: register-app: vcita refuses the app, and its message is shown without control bytes
--- config
--- flow
my $args = args();
is register($args)->{status}, 0, 'an app';
unlink dir() . '/secret';
refuses($args, qr/vcita has such an app already \(400: app_code_name has already been taken\)/, qr/fix: --code-name with another name/);

answers(422, '{"status": "Error", "error": "app_code_name has already been taken"}');
refuses(args(), qr/has such an app already \(422: /, qr/--code-name/);
answers(409, '{}');
refuses(args(), qr/has such an app already \(409\)/, qr/--code-name/);
answers(422, '{"status": "Error", "error": "scopes: \u001b[2J\u0007bad \u00e9\r\n[31m\" \\\\ \/"}');
my $r = refuses(args(), qr/vcita refuses the app \(422: scopes:  \[2J bad    \[31m" \\ \/\)/, qr/fix: correct what it names/);
unlike $r->{err}, qr/[^\n -~]/, 'no control byte';
answers(422, '{"error": "' . 'x' x 5000 . '"}');
unlike refuses(args(), qr/\(422: x{200}\)/, qr/correct/)->{err}, qr/x{201}/, 'and not more than a line of it';
no_faults();


=== TEST 9: register-app: vcita fails, answers no JSON, or without what it shall have
--- config
--- flow
answers(500, 'oops');
refuses(args(), qr/vcita fails \(500\)/, qr/look at vcita whether the app is there/);
answers(429, '{}');
refuses(args(), qr/too many requests \(429\)/, qr/again in a minute/);
answers(404, '<html>');
refuses(args(), qr/vcita answers 404/, qr/is --api right/);
answers(302, '', );
refuses(args(), qr/vcita answers 302/, qr/is --api right/);

for my $body ('<html>', '', '[]', '"x"', '{"data": {"client_id": "a", "client_secret": "0123456789"}', '{"data": {"client_id": "a",}}',
              '{"data": {"client_id": "a" "client_secret": "0123456789"}}')
{
    answers(201, $body);
    refuses(args(), qr/vcita answers 201, but no JSON/, qr/is --api right/);
}
for my $body ('{}', '{"data": {"client_id": "a"}}', '{"data": {"client_id": "a", "client_secret": null}}',
              '{"data": {"client_id": "a", "client_secret": ""}}', '{"data": {"client_id": "a", "client_secret": ["0123456789"]}}',
              '{"data": {"client_id": "a", "client_secret": "01234\n56789"}}', '{"data": {"client_id": "a", "client_secret": "0123456789\u00e9"}}',
              '{"data": {"client_id": "a; }", "client_secret": "0123456789"}}', '{"other": {"client_id": "a", "client_secret": "0123456789"}}')
{
    answers(201, $body);
    refuses(args(), qr/vcita's answer has no (?:secret for client_id a|client_id)$/m, qr/delete that app|look at vcita/);
}

# and what is one, whatever else is in it
answers(201, ' {"status" : "OK", "x": [1, -2.5e3, {"client_secret": "not this"}, true, null, {}, []], "data": {"client_id":"a.B-1_2",' . "\n"
    . '"name": "\\\\\"}", "client_secret": "q\"w\\\\\\\\u0041\/\u0041z"} } ');
my $r = register(args());
is $r->{status}, 0, 'done' or diag $r->{err};
like $r->{out}, qr/client_id +a\.B-1_2;/, 'its id';
is slurp(dir() . '/secret'), "q\"w\\\\u0041/Az\n", 'its secret, unescaped';
unlink dir() . '/secret';
no_faults();


=== TEST 10: register-app: no DNS, no connection, no TLS, no answer in time
--- config
--- flow
my ($api, $ca) = at();
refuses(args('--api', 'https://vcita.invalid'), qr/DNS: .*vcita\.invalid/, qr/resolv\.conf/);
refuses(args('--api', 'https://127.0.0.1:1'), qr/the connection is refused/, qr/firewall/);
refuses(args('--cacert', VcitaCert->get->{ca_other}), qr/TLS of \Q$api\E: SSL certificate problem/, qr/--cacert with the right CAs/);
refuses(args('--cacert', '/nowhere'), qr{no certificates in /nowhere}, qr/another --cacert/);
VcitaSandbox->control(POST => 'faults', { endpoint => 'apps', kind => 'hang' });
refuses(args('--timeout', 1), qr/no answer within 1 s/, qr/look at vcita whether the app is there/);
no_faults();
VcitaSandbox->control(POST => 'faults', { endpoint => 'apps', kind => 'reset' });
refuses(args(), qr/\Q$api\E: /, qr/look at vcita whether the app is there/);
no_faults();


=== TEST 11: register-app: what it is asked has to be right: exit status 2, and no request
--- config
--- flow
my $asked = asked();
my $say = sub { my @a = @{ args() }; splice @a, -2, 2, @_; return \@a };

refuses($say->(@$_), qr/./, undef, status => 2) for [ 'Portal' ], [ 'Portal', 'https://a/b', 'c' ], [ '', 'https://a/b' ], [ "a\tb", 'https://a/b' ],
    map { [ 'Portal', $_ ] } 'portal.example.com/cb', 'http://portal.example.com/cb', 'https://a/b#c', 'https://a', "https://a/b\nc",
        'https://a/b;c', 'https://a/$b', 'https://a/"b"', 'ftp://a/b', 'http://127.0.0.1.example.com/cb';
refuses(args(@$_), qr/./, undef, status => 2) for [ '--api', 'http://api.vcita.biz' ], [ '--api', 'api.vcita.biz' ], [ '--timeout', '0' ],
    [ '--scope', 'a b' ], [ '--code-name', 'a b' ], [ '--nothing' ], [ '--secret-file', dir() . '/a b' ];
is asked(), $asked, 'vcita was not asked';
my $r = register([ '--help' ]);
is $r->{status}, 0, '--help';
like $r->{out}, qr/^register-app\.sh .*Exit status/s, 'says how';

# a name of any letters arrives as it is; its code name has no others
answers(201, '{"data": {"client_id": "a", "client_secret": "0123456789"}}');
$r = register([ @{ args() }[ 0 .. 7 ], "Caf\xc3\xa9 \"x\" \\ y", 'http://127.0.0.1:8080/oauth/callback' ]);
is $r->{status}, 0, 'quotes and backslashes' or diag $r->{err};
like $r->{out}, qr/\A# cafxy, created at/, 'its code name';
unlink dir() . '/secret';
no_faults();


=== TEST 12: register-app: --landing: vcita opens that page, the callbacks are listed apart; --callback may repeat
--- config
--- flow
# what is sent: the stand-in takes no apps, but keeps what it was asked
put('other', "token-of-the-stand-in\n");
my $sent = sub {
    my ($uris, @more) = @_;
    my $before = stub->requests('/platform/v1/apps');
    refuses([ '--api', stub->url, '--token-file', dir() . '/other', '--secret-file', dir() . '/secret', @more, 'Portal', @$uris ],
        qr/vcita answers 404/, qr/is --api right/);
    my @asked = stub->requests('/platform/v1/apps');
    is @asked - $before, 1, 'vcita was asked once';
    return decode_json($asked[-1]->body);
};
my ($one, $two, $page) = ('https://portal.example.com/oauth/callback', 'https://gym.example.com/oauth/callback', 'https://portal.example.com/?a=b');
my %app = (name => 'Portal', app_code_name => 'portal', scopes => ['openid']);
is_deeply $sent->([ $one ]), { %app, redirect_uri => $one }, 'one callback, as ever';
is_deeply $sent->([ $one ], '--landing', $page), { %app, redirect_uri => $page, oauth_redirect_uris => [ $one ] }, '--landing';
is_deeply $sent->([ $one ], '--landing', $page, '--callback', $two), { %app, redirect_uri => $page, oauth_redirect_uris => [ $one, $two ] },
    '--callback, another one';
is_deeply $sent->([], '--callback', $one, '--callback', $two, '--landing', $page),
    { %app, redirect_uri => $page, oauth_redirect_uris => [ $one, $two ] }, '--callback, both';
is_deeply $sent->([ $one ], '--callback', $two), { %app, redirect_uri => $one, oauth_redirect_uris => [ $two ] }, '--callback without --landing';

# what the sandbox makes of it, and the lines
my @args = @{ args('--landing', $page, '--callback', $two) };
my $r = register(\@args);
is $r->{status}, 0, 'done' or diag $r->{err};
like $r->{out}, qr{\A# test\d+, created at https://localhost:\d+; vcita opens \Q$page\E
vcita_oauth_client_id      [0-9a-f]{32};
vcita_oauth_client_secret  file:\Q@{[ dir() ]}\E/secret;
vcita_oauth_redirect_uri   \Q$one\E;
#vcita_oauth_redirect_uri  \Q$two\E;
vcita_oauth_scope          openid;
\z}, 'the lines';
unlink dir() . '/secret';


=== TEST 13: register-app: names and code names that vcita refuses, addresses that are none: refused before anything is sent
--- config
--- flow
my $asked = asked();
my $with = sub { my ($name, @more) = @_; my @a = @{ args(@more) }; $a[-2] = $name; return \@a };
for ('ab', 'x' x 26, "\xc3\xa9\xc3\xa9", '  ') {
    refuses($with->($_), qr/name .* 3 to 25 characters|name is empty/, undef, status => 2);
}
for my $code (qw( a_b a-b a.b ), ' ', "caf\xc3\xa9") {
    refuses($with->('Portal', '--code-name', $code), qr/code name/, undef, status => 2);
}
refuses($with->('Portal', @$_), qr/./, undef, status => 2) for [ '--landing' ], map { ([ '--landing', $_ ], [ '--callback', $_ ]) }
    'http://portal.example.com/', 'https://portal.example.com', 'https://a/b#c', "https://a/b\nc", 'https://a/b"', 'ftp://a/b', '';
refuses($with->('Portal', '--callback', 'https://portal.example.com/oauth/callback'), qr/twice/, undef, status => 2);
refuses([ @{ args('--landing', 'https://portal.example.com/') }[ 0 .. 11 ], 'Portal' ], qr/takes a name and a redirect_uri/, undef, status => 2);
is asked(), $asked, 'vcita was not asked';

# 3 and 25 characters, of which one may be two bytes
for my $name ('abc', "\xc3\xa9" x 25) {
    answers(201, '{"data": {"client_id": "a", "client_secret": "0123456789"}}');
    my $r = register($with->($name));
    is $r->{status}, 0, $name or diag $r->{err};
    unlink dir() . '/secret';
}
no_faults();
