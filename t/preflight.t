# examples/preflight.sh: what it finds fine, and each fault, alone, with what mends it.
# The configurations are of files of their own; the nginx of a block is the one that answers the callback.

use lib 't/lib';
use VcitaSandbox;
use VcitaTest;
use VcitaAssertion;
use VcitaTunnel;

use File::Temp ();
use HTTP::Tiny ();
use IO::Socket::INET ();
use JSON::PP qw( encode_json );
use MIME::Base64 ();
use VcitaCert ();

repeat_each(1);

my $Dir = File::Temp->newdir;
my $Examples = $ENV{VCITA_EXAMPLES} // 'examples';
my $SECRET = '7d9c2f0a6b1e4c8d9f3a5b7c1d2e4f60';       # the sandbox's

mkdir "$Dir/$_" or die "$Dir/$_: $!\n" for qw( conf conf/more );

sub put {
    my ($name, $text, $mode) = @_;
    open my $fh, '>:raw', "$Dir/$name" or die "$Dir/$name: $!\n";
    print $fh $text;
    close $fh;
    chmod $mode // 0600, "$Dir/$name";
    return "$Dir/$name";
}

sub random { return join '', map { chr int rand 256 } 1 .. 48 }

put('conf/secret', "$SECRET\n");
put('conf/key', random());


# the gate of a block: where vcita is, and its files
add_block_preprocessor(sub {
    my ($block) = @_;
    $block->set_value(gate => "vcita_oauth_client_secret file:$Dir/conf/secret;\n"
        . "vcita_oauth_session_key_file $Dir/conf/key;\n" . $block->gate) if defined $block->gate;
    VcitaSandbox->gate($block);
    $block->set_value(config => "location / { vcita_oauth on; }\n" . ($block->config // ''));

    # each run asks the callback, with a state that is none: the line of that refusal, and no other
    $block->set_value(no_error_log => [ '[alert]', '[crit]', qr/\[error\](?!.* vcita callback refused: invalid_state,)/ ])
        if !defined $block->error_log;
});


# "at": where the endpoints are.  "gate": directives beside the usual ones, or instead of them.
sub conf {
    my (%opt) = @_;
    my $gate = usual($opt{gate} // '');
    my $listen = $opt{listen} // VcitaFlow::port();
    my $server = $opt{server} // "server {
        listen $listen;
        server_name localhost 127.0.0.1;
        @{[ $opt{in_server} // '' ]}
        location / {
            vcita_oauth on;
            vcita_oauth_require \$vcita_oauth_claim_business_uid ed469f8764326a66;
        }
        @{[ $opt{locations} // '' ]}
    }";

    registered($gate, $server) unless $opt{unregistered};

    return put('conf/nginx.conf', "load_module $ENV{TEST_NGINX_LOAD_MODULES};\n"
        . "pid $Dir/nginx.pid;\nerror_log /dev/null;\nevents {}\nhttp {\naccess_log off;\n"
        . join('', map { "${_}_temp_path $Dir/$_;\n" } qw( client_body proxy fastcgi uwsgi scgi ))
        . "$gate\n@{[ $opt{http} // '' ]}\n$server\n}\n", 0600);
}

# the sandbox knows the redirect_uri of each configuration
sub registered {
    my %uri = (VcitaSandbox::callback() => 1, map { s/\$host/preflight.example.com/r => 1 }
               map { /^\s*(?:.*\s)?vcita_oauth_redirect_uri\s+(https?:[^;\s]+);/mg } map { s/;/;\n/gr } @_);
    my $answer = HTTP::Tiny->new(timeout => 15, http_proxy => undef)->put(VcitaSandbox->url('http') . '/platform/v1/apps/e0faca0a2bca52368adfd0ac6035c7a5', {
        headers => { Authorization => 'Bearer sandbox-directory-token', 'Content-Type' => 'application/json' },
        content => encode_json({ name => 'Portal', oauth_redirect_uris => [ grep { !/\$/ } sort keys %uri ] }),
    });
    $answer->{success} or die "the sandbox registers no redirect_uri: $answer->{status} $answer->{content}\n";
}

# the sandbox's gate, by way of its own preprocessor
sub usual {
    my $gate = $_[0] =~ s/;\s*(?=vcita_)/;\n/gr;
    my $block = VcitaSandbox::Gate->new($gate);
    my @lines = ('vcita_oauth_client_secret file:secret;', 'vcita_oauth_session_key_file key;',
                 'vcita_oauth_userinfo on;', 'vcita_oauth_redirect_uri http://127.0.0.1:' . VcitaFlow::port() . '/oauth/callback;');

    $gate .= "\n" . join "\n", grep { my ($name) = /^(\S+)/; $gate !~ /^\s*(?:no\s+)?\Q$name\E[\s;]/m } @lines;
    $block->set_value(gate => $gate);
    VcitaSandbox->gate($block);
    return $block->gate =~ s/^\s*no\s+vcita_oauth_\w+;?[ \t]*$//mgr;
}

{
    package VcitaSandbox::Gate;
    sub new { return bless { gate => $_[1] }, $_[0] }
    sub gate { return $_[0]{gate} }
    sub set_value { $_[0]{gate} = $_[2] }
}


# -- in a flow ---------------------------------------------------------------------------------------

# Runs it: exit status, all it said, and what it found, kind and sentence, with what mends it.
sub VcitaFlow::Code::preflight {
    my @args = @_;
    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';

    unshift @args, '-b', $nginx unless grep { $_ eq '-b' } @args;
    my $pid = open(my $out, '-|') // die "fork: $!";
    if (!$pid) {
        open STDERR, '>&', \*STDOUT;
        exec 'bash', "$Examples/preflight.sh", @args or POSIX::_exit(127);
    }
    my $said = do { local $/; <$out> };
    close $out;
    my $status = $? >> 8;
    my (@wrong, @warning, @ok);

    while ($said =~ /^(ok|warning|WRONG) +(.*)\n(?: +fix: (.*)\n)?/mg) {
        my ($kind, $what, $fix) = ($1, $2, $3);
        push @{ $kind eq 'ok' ? \@ok : $kind eq 'WRONG' ? \@wrong : \@warning }, [ $what, $fix // '' ];
    }
    return { status => $status, said => $said, wrong => \@wrong, warning => \@warning, ok => \@ok };
}

sub VcitaFlow::Code::run { return VcitaFlow::Code::preflight(conf(%{ $_[0] }), @_[ 1 .. $#_ ]) }

# fails for this alone, and says what mends it
sub VcitaFlow::Code::wrong {
    my ($opt, $what, $fix, @args) = @_;
    found($opt, 'wrong', 'warning', $what, $fix, 1, @args);
}

# a warning alone, which fails only with --strict
sub VcitaFlow::Code::warns {
    my ($opt, $what, $fix, @args) = @_;
    found($opt, 'warning', 'wrong', $what, $fix, 0, @args);
    my $r = VcitaFlow::Code::run($opt, @args, '--strict');
    VcitaFlow::Code::is($r->{status}, 1, '--strict: it fails');
}

sub found {
    my ($opt, $kind, $other, $what, $fix, $status, @args) = @_;
    my $r = ref $opt ? VcitaFlow::Code::run($opt, @args) : VcitaFlow::Code::preflight($opt, @args);

    VcitaFlow::Code::is($r->{status}, $status, "exit status: $what") or VcitaFlow::Code::diag($r->{said});
    VcitaFlow::Code::is(scalar(@{ $r->{$kind} }), 1, "alone: $what") or VcitaFlow::Code::diag($r->{said});
    VcitaFlow::Code::is(scalar(@{ $r->{$other} }), 0, "and nothing else: $what");
    my ($w, $f) = @{ $r->{$kind}[0] // [ '', '' ] };
    VcitaFlow::Code::like($w, $what, "what: $what");
    VcitaFlow::Code::like($f, $fix, "how to mend it: $what");
}

sub VcitaFlow::Code::fault { VcitaSandbox->control(POST => 'faults', {@_}) }
sub VcitaFlow::Code::no_faults { VcitaSandbox->control(DELETE => 'faults') }
sub VcitaFlow::Code::dir { "$Dir/conf" }
sub VcitaFlow::Code::put { put(@_) }
sub VcitaFlow::Code::conf { conf(@_) }
sub VcitaFlow::Code::random { random() }
sub VcitaFlow::Code::secret { $SECRET }
sub VcitaFlow::Code::control { VcitaSandbox->control(@_) }
sub VcitaFlow::Code::sandbox_ca { return usual('') =~ /vcita_oauth_ssl_trusted_certificate (\S+);/ ? $1 : die "no CA\n" }
sub VcitaFlow::Code::cert { VcitaCert->get }

# what it makes of a key set
sub VcitaFlow::Code::keys_of {
    my $file = put('set', $_[0]);
    my $said = `perl $Examples/preflight-keys.pl < $file 2>&1`;
    return $? ? "none$said" : $said =~ s/\n\z//r;
}

# what preflight.sh is told of a configuration
sub VcitaFlow::Code::records {
    my $file = put('printed', "# configuration file $Dir/conf/nginx.conf:\n" . do { local (@ARGV, $/) = conf(%{ $_[0] }); <> });
    return scalar `perl $Examples/preflight-conf.pl 0 0 < $file 2>&1`;
}

# a server that answers anything with these bytes, and then with others for ever
sub VcitaFlow::Code::server_of {
    my ($port, $bytes, $more) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 16, ReuseAddr => 1) or die "$port: $!";
    my $log = "$Dir/server-$port";
    unlink $log;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw( __DIE__ __WARN__ ALRM TERM );
        $SIG{PIPE} = 'IGNORE';
        alarm 120;
        my ($asked, $sent) = (0, 0);
        while (my $client = $listen->accept) {
            sysread $client, my $head, 65536;
            $asked++;
            for (my $next = $bytes; defined $next; $next = $more) { $sent += syswrite($client, $next) // last }
            open my $fh, '>', $log;
            print $fh "$asked $sent";
            close $fh;
        }
        POSIX::_exit(0);
    }
    return bless { pid => $pid, log => $log }, 'Served';
}

sub Served::said { open my $fh, '<', $_[0]{log} or return (0, 0); return split / /, <$fh> // '0 0' }
sub Served::asked { return ($_[0]->said)[0] }
sub Served::sent { return ($_[0]->said)[1] }
sub Served::DESTROY { local $?; kill KILL => $_[0]{pid}; waitpid $_[0]{pid}, 0 }

# an nginx that only prints what it would read
sub VcitaFlow::Code::prints {
    my ($text) = @_;
    put('conf/printed', $text);
    put('nginx', "#!/bin/sh\ncase \$1 in -T) cat $Dir/conf/printed ;; esac\n", 0700);
    return ('-b', "$Dir/nginx");
}

run_tests();

__DATA__

=== TEST 1: preflight: all is well, exit status 0; no secret is shown, and each endpoint is asked once
--- gate
--- config
--- flow
control(POST => 'stats/reset');
my $r = run({});
is $r->{status}, 0, 'all is well' or diag $r->{said};
like $r->{said}, qr/^ok: \d+, warnings: 0, wrong: 0\n\z/m, 'its last line';

my $user = getpwuid $>;
like $r->{said}, qr/^ok +\Q$_\E/m, $_ for
    'nginx -t', '1 of 2 servers and locations have a gate',
    'the client secret in ' . dir() . "/secret is read by $user alone", 'the client secret of ' . dir() . '/secret cannot be guessed',
    'the session key in ' . dir() . "/key is read by $user alone", 'the session key of ' . dir() . '/key cannot be guessed',
    'DNS: localhost is 127.0.0.1', 'the clock agrees', 'each gate has a vcita_oauth_require',
    'redirect_uri ' . url('/oauth/callback') . ' lands in the server at ' . dir() . '/nginx.conf:',
    'redirect_uri ' . url('/oauth/callback') . ' at *:' . port() . ': the gate answers';
like $r->{said}, qr/^ok +authorize endpoint http:\S+: answers \(\d+, [\d.]+ s\)$/m, 'authorize';
like $r->{said}, qr/^ok +token endpoint https:\S+: answers \(40[01], [\d.]+ s\)$/m, 'token';
like $r->{said}, qr/^ok +userinfo endpoint https:\S+: answers \(401, [\d.]+ s\)$/m, 'userinfo';
like $r->{said}, qr/^ok +TLS of localhost:\d+: verified, for \d+ days$/m, 'TLS';
unlike $r->{said}, qr/${\ secret() }/, 'no secret';

my $calls = control(GET => 'stats')->{calls};
is_deeply { map { $_ => eval { my $n = 0; $n += $_ for values %{ $calls->{$_} }; $n } } qw( authorize token userinfo ) },
    { authorize => 1, token => 1, userinfo => 1 }, 'each endpoint once';


=== TEST 2: preflight: usage, and what it cannot look at: exit status 2
--- gate
--- config
--- flow
is preflight('--help')->{status}, 0, '--help';
like preflight('--help')->{said}, qr/^preflight\.sh .*Exit status/s, 'says how';

for my $bad ([ '--nothing' ], [ '-c' ], [ '--timeout', 0 ], [ '--timeout', 'x' ], [ '-b', '/nowhere/nginx' ]) {
    is preflight(@$bad)->{status}, 2, "@$bad";
}
is preflight(prints("nonsense\n"))->{status}, 2, 'an nginx that prints no configuration';
is preflight(prints("# configuration file /a/nginx.conf:\nhttp { server { listen 1; \"x } }\n"))->{status}, 2,
    'a configuration that is not understood';


=== TEST 3: preflight: nginx -t fails: the line that it names
--- gate
--- config
--- flow
wrong({ in_server => 'vcita_oauth_scopes openid;' }, qr/^nginx -t fails: .*"vcita_oauth_scopes" in \S+nginx\.conf:\d+/, qr/^fix the line/);

my $r = run({ gate => 'vcita_oauth_client_id "";' });
is $r->{status}, 1, 'an error of the module';
warns({ gate => 'vcita_oauth_session_key_file key; vcita_oauth_session_key_file key;' }, qr/^nginx -t: .*have the same content/, qr/^fix the line/);


=== TEST 4: preflight: DNS of an endpoint
--- gate
--- config
--- flow
wrong({ gate => 'vcita_oauth_token_endpoint https://vcita.invalid/oauth/token;' },
    qr/^DNS: vcita\.invalid has no address here/, qr/resolv\.conf or the name/);
wrong({ gate => 'vcita_oauth_http_proxy http://proxy.invalid:3128;' },
    qr/^DNS: proxy\.invalid has no address here/, qr/resolv\.conf or the name/);


=== TEST 5: preflight: TLS of an endpoint: another CA, another name, no certificate in the file, no TLS at that port
--- gate
--- config
--- flow
my $ca = cert();
stub->always({ token => { status => 400, json => { error => 'invalid_grant' } } });
wrong({ gate => "vcita_oauth_ssl_trusted_certificate $ca->{ca_other};" },
    qr/^TLS of localhost:\d+ is not verified by \Q$ca->{ca_other}\E: SSL certificate problem/, qr/vcita_oauth_ssl_trusted_certificate/);

my $stub = stub->url_tls =~ s/localhost/127.0.0.1/r;
my $both = put('conf/cas', join '', map { local (@ARGV, $/) = $_; <> } $ca->{ca}, sandbox_ca());
wrong({ gate => "vcita_oauth_ssl_trusted_certificate $both; vcita_oauth_token_endpoint $stub/oauth/token;" },
    qr/^TLS of 127\.0\.0\.1:\d+: its certificate is for another name/, qr/as the certificate has it/);
wrong({ gate => 'vcita_oauth_token_endpoint https://127.0.0.1:' . port() . '/oauth/token;' },
    qr/^TLS of 127\.0\.0\.1:\d+ fails: /, qr/is it https at that port/);


=== TEST 6: preflight: a certificate that ends within 14 days is a warning
--- gate
--- config
--- flow
my $ca = cert();
my $stub = stub->url_tls;
stub->always({ token => { status => 400, json => { error => 'invalid_grant' } } });
warns({ gate => "vcita_oauth_ssl_trusted_certificate $ca->{ca}; vcita_oauth_token_endpoint $stub/oauth/token;"
              . " vcita_oauth_userinfo_endpoint $stub/oauth/userinfo;" },
    qr/^TLS of localhost:\d+: its certificate ends in [0-3] days/, qr/^tell the operator of localhost/);


=== TEST 7: preflight: an endpoint that is not there, does not answer, or answers as none
--- gate
--- config
--- flow
wrong({ gate => 'vcita_oauth_token_endpoint http://127.0.0.1:1/oauth/token;' },
    qr/^token endpoint http:\S+: the connection is refused/, qr/firewall pass 127\.0\.0\.1:1, or set vcita_oauth_http_proxy/);

fault(endpoint => 'userinfo', kind => 'hang');
wrong({}, qr/^userinfo endpoint \S+: no answer within 1 s/, qr/firewall/, '--timeout', 1);
no_faults();
fault(endpoint => 'token', kind => 'status', status => 404);
wrong({}, qr/^token endpoint \S+: answers 404/, qr/^correct its path/);
no_faults();
fault(endpoint => 'authorize', kind => 'status', status => 503);
wrong({}, qr/^authorize endpoint \S+: answers 503/, qr/^vcita is down/);
no_faults();
fault(endpoint => 'userinfo', kind => 'reset');
wrong({}, qr/^userinfo endpoint \S+: \S/, qr/curl -v|try again/);
no_faults();
fault(endpoint => 'token', kind => 'status', status => 429);
warns({}, qr/^token endpoint \S+: answers 429/, qr/again in a minute/);
no_faults();


=== TEST 8: preflight: through the proxy of nginx.conf, whose password nobody sees; the environment's is not asked
--- gate
vcita_oauth_http_proxy http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
--- config
--- flow
local @ENV{qw( https_proxy http_proxy ALL_PROXY )} = ('http://127.0.0.1:1') x 3;

my $at = '127.0.0.1:' . rand_port(1);
my $gate = "vcita_oauth_http_proxy http://nginx:pr0xy-pass\@$at;";
my $proxy = tunnel(rand_port(1), 200);
my $r = run({ gate => $gate });

is $r->{status}, 0, 'all is well' or diag $r->{said};
like $r->{said}, qr/^ok +token endpoint \S+ through the proxy \Q$at\E: answers \(40[01],/m, 'through the proxy';
unlike $r->{said}, qr/pr0xy-pass/, 'no password';
is scalar(() = $proxy->heads =~ /^CONNECT localhost:\d+ /mg), 2, 'token and userinfo';
is scalar(() = $proxy->heads =~ /^Proxy-Authorization: Basic bmdpbng6cHIweHktcGFzcw==\r$/mg), 3, 'the proxy got it';
is run({})->{status}, 0, 'where nginx.conf has none there is none';
is scalar(() = $proxy->heads =~ /^CONNECT/mg), 2, 'none at all';

put('conf/proxy', "http://nginx:pr0xy-pass\@$at\n");
is run({ gate => 'vcita_oauth_http_proxy file:proxy;' })->{status}, 0, 'from a file';
is scalar(() = $proxy->heads =~ /^CONNECT/mg), 4, 'through the proxy';
put('conf/proxy', "http://nginx:pr0xy-pass\@$at\n", 0640);
wrong({ gate => 'vcita_oauth_http_proxy file:proxy;' }, qr/^the proxy in \S+ can be read or changed by others \(mode 0640\)/, qr/^chmod 600 /);
undef $proxy;

put('conf/redis_password', "pass\n");
put('conf/sentinel_password', "pass\n", 0640);
wrong({ gate => 'vcita_oauth_session_store redis+sentinel://127.0.0.1:1/m password=file:redis_password sentinel_password=file:sentinel_password;' },
    qr/^the Redis password in \S+sentinel_password can be read or changed by others \(mode 0640\)/, qr/^chmod 600 \S+sentinel_password/);

for my $status (407, 503) {
    $proxy = tunnel(rand_port(1), $status);
    $r = run({ gate => $gate });
    is $r->{status}, 1, "$status: wrong";
    like $r->{said}, qr/^WRONG +token endpoint \S+ through the proxy \Q$at\E: .*$status\n +fix: .*proxy/m, "$status: said";
    undef $proxy;
}
$r = run({ gate => $gate });
is $r->{status}, 1, 'nobody is there';
like $r->{said}, qr/^WRONG +token endpoint \S+ through the proxy \Q$at\E: the connection is refused\n/m, 'said';
unlike $r->{said}, qr/pr0xy-pass/, 'no password';


=== TEST 9: preflight: a clock that is off by more than 30 s, to either side
--- gate
--- config
--- flow
use POSIX ();

my $at = sub {
    my $date = POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime time + $_[0]);
    my %body = (token => '{"error":"invalid_grant"}', userinfo => '');
    stub->always({ map { $_ => { status => 400, raw => "HTTP/1.1 400 Bad Request\r\nDate: $date\r\n@{[ $_[1] // '' ]}Content-Length: @{[ length $body{$_} ]}\r\n\r\n$body{$_}" } }
                   qw( token userinfo ) });
    return { gate => join ' ', map { "vcita_oauth_${_}_endpoint " . stub->url . "/oauth/$_;" } qw( token userinfo ) };
};

my $r = run($at->(20));
is $r->{status}, 0, '20 s are fine' or diag $r->{said};
wrong($at->(60), qr/^the clock here is (?:59|60) s behind that of 127\.0\.0\.1:\d+/, qr/NTP/);
wrong($at->(-60), qr/^the clock here is 6[0-9] s ahead of that of 127\.0\.0\.1:\d+/, qr/NTP/);
is run($at->(-60, "Age: 60\r\n"))->{status}, 0, 'an answer from a cache';


=== TEST 10: preflight: redirect_uri lands on no port, no scheme, no server of this nginx
--- gate
--- config
--- flow
my $port = port();
wrong({ gate => 'vcita_oauth_redirect_uri http://127.0.0.1:9/oauth/callback;' },
    qr{^redirect_uri http://127\.0\.0\.1:9/oauth/callback: no server listens at port 9}, qr/^add "listen 9;" to the server at \S+:\d+/);
wrong({ gate => "vcita_oauth_redirect_uri https://127.0.0.1:$port/oauth/callback;" },
    qr/^redirect_uri https:\S+: \*:\d+ speaks http$/, qr/^say "ssl" at the "listen" of \S+, or --behind-proxy/);

my $ca = cert();
wrong({ listen => "$port ssl", in_server => "ssl_certificate $ca->{site}; ssl_certificate_key $ca->{site_key};" },
    qr/^redirect_uri http:\S+: \*:\d+ speaks https$/, qr/^https in redirect_uri/, '--not-running');

my $two = "server { listen $port; server_name localhost; location / { vcita_oauth on; vcita_oauth_require \$vcita_oauth_claim_sub x; } }
           server { listen $port; server_name portal.example.com www.example.com; return 200; }";
my $r = preflight(conf(server => $two, gate => "vcita_oauth_redirect_uri http://portal.example.com:$port/oauth/callback;"), '--not-running');
like $r->{said}, qr{^WRONG +redirect_uri http://portal\.example\.com:$port/oauth/callback is answered by the server at (\S+):(\d+), not by the one of the gate at \g{1}:(?!\g{2}\n)\d+\n +fix: add "portal\.example\.com" to server_name there}m,
    'another server has that name';


=== TEST 11: preflight: --behind-proxy: scheme and port are those of what is in front of nginx
--- gate
vcita_oauth_redirect_uri https://portal.example.com/oauth/callback;
--- config
server_name portal.example.com;
--- flow
my $opt = { gate => 'vcita_oauth_redirect_uri https://portal.example.com/oauth/callback;',
            in_server => 'server_name portal.example.com;' };
wrong($opt, qr/^redirect_uri https:\S+: no server listens at port 443/, qr/^add "listen 443 ssl;".*--behind-proxy/);
my $r = run($opt, '--behind-proxy');
is $r->{status}, 0, 'fine' or diag $r->{said};
like $r->{said}, qr{^ok +redirect_uri https://portal\.example\.com/oauth/callback at \*:\d+: the gate answers}m, 'where nginx listens';


=== TEST 12: preflight: the callback at each socket of its server: TLS, proxy_protocol, IPv6, a unix socket
--- gate
vcita_oauth_redirect_uri https://$host:$TEST_NGINX_RAND_PORT_1/oauth/callback;
--- http_config
server {
    listen $TEST_NGINX_RAND_PORT_1 ssl proxy_protocol;
    listen [::1]:$TEST_NGINX_RAND_PORT_1 ssl;
    listen unix:$TEST_NGINX_SERVER_ROOT/socket;
    server_name *.example.com;
    ssl_certificate $VCITA_CERT;
    ssl_certificate_key $VCITA_CERT_KEY;
    location / { vcita_oauth on; }
}
--- config
vcita_oauth_redirect_uri http://127.0.0.1:$TEST_NGINX_SERVER_PORT/oauth/callback;
--- flow
my ($ca, $port, $socket) = (cert(), rand_port(1), 'unix:' . servroot() . '/socket');
my $server = sub { "server { @_; server_name *.example.com; ssl_certificate $ca->{site}; ssl_certificate_key $ca->{site_key};
    location / { vcita_oauth on; vcita_oauth_require \$vcita_oauth_claim_sub x; } }" };
my $gate = "vcita_oauth_redirect_uri https://\$host:$port/oauth/callback;";
my $at = qr{^ok +redirect_uri https://preflight\.example\.com:$port/oauth/callback at }m;

my $r = run({ gate => $gate, server => $server->("listen $port ssl proxy_protocol; listen [::1]:$port ssl") });
is $r->{status}, 0, 'fine' or diag $r->{said};
like $r->{said}, qr/$at\*:$port: the gate answers/m, 'with TLS and proxy_protocol';
like $r->{said}, qr/$at\[::1\]:$port: the gate answers/m, 'IPv6';

$r = run({ gate => $gate, server => $server->("listen $socket") }, '--behind-proxy');
is $r->{status}, 0, 'fine' or diag $r->{said};
like $r->{said}, qr/$at\Q$socket\E: the gate answers/m, 'a unix socket';

wrong({ gate => $gate, server => $server->("listen $port; listen [::1]:$port ssl") },
    qr/^redirect_uri \S+: \*:$port speaks http$/, qr/^say "ssl"/);
warns({ gate => "vcita_oauth_redirect_uri https://\$http_x_host:$port/oauth/callback;", server => $server->("listen $port ssl") },
    qr/holds variables that only a request fills: not looked at/, qr/^sign in once by hand/);


=== TEST 13: preflight: redirect_uri in a return or a redirecting rewrite, of its server or location
--- gate
--- config
--- flow
my $in = qr{^redirect_uri \S+ is answered by "(?:return|rewrite)" at \S+nginx\.conf:\d+, before the gate$};
my $fix = qr{^add "location = /oauth/callback \{\}" to the server at};

wrong({ locations => $_ }, $in, $fix) for
    'location /oauth/ { return 404; }',
    'location ^~ /oauth { location = /oauth/callback { return 200; } }',
    'location ~ ^/(oauth|saml)/ { rewrite ^ https://example.com/ permanent; }',
    'location ~* /CALLBACK$ { rewrite ^/oauth/(.*) /other/$1 redirect; }',
    'location /oauth/ { rewrite /callback$ http://example.com/; }';

my $r = run({ in_server => 'rewrite ^/oauth/callback$ /elsewhere redirect;' });
is $r->{status}, 1, 'of the server';
like $r->{said}, qr/is answered by "rewrite"/, 'said';

is run({ locations => $_ })->{status}, 0, "not there: $_" for
    'location /oauth/ { vcita_oauth off; return 404; } location = /oauth/callback { }',
    'location /oauth/callbacks { vcita_oauth off; return 404; }',
    'location /oauth/ { location = /oauth/callback { } location /oauth/x { return 404; } return 403; }',
    'location ^~ /oauth/ { } location ~ callback { return 404; }',
    'location ~ /CALLBACK { return 404; }',
    'location /oauth/ { rewrite ^/other/ /x redirect; rewrite ^/oauth/callback /y break; }',
    'location /oauth/ { if ($arg_x) { return 404; } }';


=== TEST 14: preflight: what the running nginx answers at the callback: another configuration, nobody
--- gate
--- config
location = /elsewhere/callback { vcita_oauth off; }
location = /early/callback { if ($uri) { return 302 /login; } }
--- user_files
>>> elsewhere/callback
a file
--- flow
my $at = sub { my $path = shift; return { gate => 'vcita_oauth_redirect_uri ' . url("$path/callback;") } };
my $where = qr{^redirect_uri \S+/callback at \*:\d+: };

wrong($at->('/elsewhere'), qr/${where}answers 200, and not as the gate does/, qr/^reload nginx/);
is run($at->('/elsewhere'), '--not-running')->{status}, 0, '--not-running: it is not asked';
wrong($at->('/early'), qr/${where}answers 302, a redirect that comes before/, qr/of its own/);
wrong($at->('/edited'), qr/${where}nginx runs with another redirect_uri$/, qr/^reload nginx/);

my $none = port() + 15;
wrong({ listen => $none, gate => "vcita_oauth_redirect_uri http://127.0.0.1:$none/oauth/callback;" },
    qr/^redirect_uri \S+ at \*:$none: nginx does not listen there/, qr/^start nginx or reload it, or say --not-running/);


=== TEST 15: preflight: the callback's answer may be a page of error_page, with its status
--- gate
--- config
error_page 400 =200 @own;
location @own { vcita_oauth off; return 200 'our own page'; }
--- flow
like run({})->{said}, qr/^ok +redirect_uri \S+ at \*:\d+: the gate answers/m, 'that of the gate';
is browser()->get('/oauth/callback?code=x')->body, 'our own page', 'it is that page';


=== TEST 16: preflight: an access rule or a limit answers the callback
--- gate
--- config
location = /oauth/callback { deny all; error_page 403 @denied; }
location @denied { vcita_oauth off; return 403; }
--- flow
wrong({}, qr/at \*:\d+: answers 403, so an access rule/, qr/^allow all, and no auth_basic/);
--- error_log
access forbidden by rule


=== TEST 17: preflight: a limit_req that is used up
--- http_config
limit_req_zone $server_port zone=one:32k rate=1r/m;
--- gate
--- config
location = /oauth/callback { limit_req zone=one; }
--- flow
is run({})->{status}, 0, 'the first is let through';
wrong({}, qr/at \*:\d+: answers 503, a limit_req or limit_conn/, qr/raise that limit/);
--- error_log
limiting requests


=== TEST 18: preflight: a secret or a key that others can read or change, or that belongs to somebody else
--- gate
--- config
--- flow
for my $name ('secret', 'key') {
    for my $mode (0640, 0604, 0620) {
        chmod $mode, dir() . "/$name";
        my $r = run({});
        is $r->{status}, 1, "$name: exit status";
        like $r->{said}, qr/^WRONG +the (?:client secret|session key) in \S+\/$name can be read or changed by others \(mode @{[ sprintf '%04o', $mode ]}\)\n +fix: chmod 600 \S+\/$name$/m, sprintf '%s: %04o', $name, $mode;
        is scalar(@{ $r->{wrong} }), 1, 'alone';
    }
    chmod 0600, dir() . "/$name";
    chown 65534, 65534, dir() . "/$name";
    wrong({}, qr/^the (?:client secret|session key) in \S+\/$name belongs to nobody/, qr/^chown root /) if $> == 0;
    chown 0, 0, dir() . "/$name";
}
is run({})->{status}, 0, 'as before';

# in nginx.conf itself
my $inline = { gate => 'vcita_oauth_client_secret ' . secret() . ';' };
is run($inline)->{status}, 0, 'in an nginx.conf that nobody else reads';
my $conf = conf(%$inline);
chmod 0644, $conf;
wrong($conf, qr/^the client secret in \S+nginx\.conf can be read or changed by others \(mode 0644\)/, qr/^move it to a file of its own: vcita_oauth_client_secret file:/);


=== TEST 19: preflight: a secret or a session key that can be guessed, which is not shown
--- gate
--- config
--- flow
my $words = "correct horse battery staple and some more of these words\n";
my $fix = qr/^openssl rand -out \S+key 48, and reload$/;

for my $weak ([ "\0" x 48, 'is always the same few bytes' ], [ 'ab' x 24, 'is always the same few bytes' ],
              [ 'Xk2p9Qw7' . 'Xk2p9Qw7' x 4 . 'Xk2p', 'repeats itself' ],
              [ '0123456789abcdefghijklmnopqrstuvwxyz', 'is a placeholder or a word' ],
              [ 'ChangeMe-98213-ChangeMe-2026-eu-west', 'is a placeholder or a word' ],
              [ $words, 'is words, not random bytes' ])
{
    put('conf/key', $weak->[0]);
    wrong({}, qr/^the session key of \S+key \Q$weak->[1]\E$/, $fix);
    unlike run({})->{said}, qr/ChangeMe|battery|Xk2p/, 'not shown';
}
put('conf/key', $_), is run({})->{status}, 0, 'random: ' . length for map { random() } 1 .. 3;
for my $good ('openssl rand -hex 32', 'openssl rand -base64 48', 'openssl rand 32') {
    put('conf/key', scalar `$good`);
    is run({})->{status}, 0, $good;
}
put('conf/key', random());

for my $weak ('your-client-secret', 'xxxxxxxxxxxxxxxxxxxxxxxx', '<the secret of the app>', 's3cr3t', 'changeit-changeit') {
    put('conf/secret', $weak);
    wrong({}, qr/^the client secret of \S+secret (?:is|has|repeats) /, qr/^put the secret there that vcita showed/);
}
put('conf/secret', secret());
is run({})->{status}, 0, 'as before';


=== TEST 20: preflight: the assertion key: RSA of 2048 bits or more, or P-256; who can read it
--- gate
--- config
--- flow
my $id = VcitaSandbox->create(name => 'signs', jwks => client_jwks('rsa', 'ec'));
my $gate = "no vcita_oauth_client_secret;\nvcita_oauth_client_id $id;\nvcita_oauth_client_assertion_key assertion;";
my $key = sub { my $text = do { local (@ARGV, $/) = client_key($_[0]); <> }; return put('conf/assertion', $text, $_[1]) };

$key->('rsa');
my $r = run({ gate => $gate });
is $r->{status}, 0, 'RSA' or diag $r->{said};
like $r->{said}, qr/^ok +the assertion key \S+assertion is RSA of 2048 bits$/m, 'RSA: said';
$key->('ec');
like run({ gate => $gate })->{said}, qr/^ok +the assertion key \S+assertion is P-256$/m, 'P-256';
$key->('ec', 0644);
$r = run({ gate => $gate });
like $r->{said}, qr/^WRONG +the assertion key in \S+assertion can be read or changed by others \(mode 0644\)\n +fix: chmod 600/m, 'who can read it';
is scalar(@{ $r->{wrong} }), 1, 'alone';

# such a key is none to nginx -t either, which comes first
my $printed = sub {
    my $text = do { local (@ARGV, $/) = conf(gate => $gate); <> };
    return prints('# configuration file ' . dir() . "/nginx.conf:\n$text\n");
};
for ([ rsa1024 => 'RSA of 1024 bits' ], [ ed25519 => 'neither RSA nor P-256' ],
     [ encrypted => 'no private key without a passphrase' ])
{
    my ($name, $what) = @$_;
    $key->($name);
    wrong(dir() . '/nginx.conf', qr/^the assertion key \S+assertion is \Q$what\E/, qr/^make one|^openssl genpkey/, $printed->());
}


=== TEST 21: preflight: a redirect_uri without TLS, for other than loopback
--- gate
vcita_oauth_redirect_uri http://portal.example.com:$TEST_NGINX_SERVER_PORT/oauth/callback;
--- config
server_name portal.example.com;
--- flow
my $uri = 'http://portal.example.com:' . port() . '/oauth/callback';
my $r = run({ gate => "vcita_oauth_redirect_uri $uri;", in_server => 'server_name portal.example.com;' });
is $r->{status}, 1, 'wrong';
is scalar(@{ $r->{wrong} }), 1, 'alone';
like $r->{said}, qr{^WRONG +redirect_uri \Q$uri\E: codes and cookies go over the network without TLS\n +fix: https, in nginx\.conf and in the app}m, 'said';

$r = run({ gate => 'vcita_oauth_token_endpoint http://vcita.invalid/oauth/token;' });
like $r->{said}, qr{^WRONG +token endpoint http://vcita\.invalid/oauth/token is not protected by TLS\n +fix: write https$}m, 'an endpoint, too';
$r = run({ gate => 'vcita_oauth_token_endpoint https://vcita.invalid/oauth/token; vcita_oauth_ssl_verify off;' });
like $r->{said}, qr{^WRONG +the certificate of the token endpoint https://vcita\.invalid/oauth/token is not verified: .*\n +fix: take "vcita_oauth_ssl_verify off" away}m, 'and one that is not verified';


=== TEST 22: preflight: two gates with one cookie at one host, whose client ids or keys differ
--- gate
--- config
set $other $TEST_NGINX_RAND_PORT_1;
--- flow
my ($one, $two) = (port(), rand_port(1));
my $servers = sub {
    my ($more, $names, $first) = @_;
    my $rule = 'vcita_oauth_require $vcita_oauth_claim_sub x;';
    return { http => $rule, server => "server { listen $one; server_name localhost; @{[ $first // '' ]} location / { vcita_oauth on; } }
        server { listen $two; server_name @{[ $names // 'localhost' ]}; vcita_oauth_redirect_uri http://127.0.0.1:$two/oauth/callback;
                 $more location / { vcita_oauth on; } }" };
};
my $clash = qr/^the gates of the servers at \S+:\d+ and \S+:\d+ have one cookie, vcita_session, at localhost, and different /;
my @not = '--not-running';

# another app of vcita's
my $app = sub { my %app = (name => 'app', @_); my ($id, $secret) = VcitaSandbox->create(%app);
    return "vcita_oauth_client_id $id; vcita_oauth_client_secret $secret;" };
my $another = $app->(name => 'another', redirect_uri => "http://127.0.0.1:$two/oauth/callback");

put('conf/other', random());
wrong($servers->($another), qr/${clash}client ids: a login at one ends/, qr/another vcita_oauth_cookie_name, or both the same vcita_oauth_client_id/, @not);
wrong($servers->('vcita_oauth_session_key_file other;'), qr/${clash}session keys:/, qr/the same vcita_oauth_session_key_file/, @not);

is run($servers->(@$_), @not)->{status}, 0, "of @{[ $_->[1] // 'it' ]}" for [ '' ],
    [ "$another vcita_oauth_cookie_name second;" ],
    [ $another, 'other.example.com' ],
    [ 'vcita_oauth_session_key_file other; vcita_oauth_session_key_file key;', 'localhost',
      'vcita_oauth_session_key_file key; vcita_oauth_session_key_file other;' ];

# a domain is shared by its hosts
my $domain = 'vcita_oauth_cookie_domain example.com; vcita_oauth_redirect_uri https://';
my $r = run({ http => 'vcita_oauth_require $vcita_oauth_claim_sub x;', server => join "\n", map {
    "server { listen $one; server_name $_.example.com; $domain$_.example.com/oauth/callback;
              @{[ $app->(name => 'app' . $_, redirect_uri => 'https://' . $_ . '.example.com/oauth/callback') ]} location / { vcita_oauth on; } }" } qw( a b ) }, '--behind-proxy', @not);
is scalar(@{ $r->{wrong} }), 1, 'a domain' or diag $r->{said};
like $r->{wrong}[0][0], qr/ have one cookie, __Secure-vcita_session, at a\.example\.com, and different client ids/, 'of both hosts';


=== TEST 23: preflight: without vcita_oauth_require any vcita business may come in: a warning
--- gate
--- config
--- flow
my $port = port();
warns({ server => "server { listen $port; server_name localhost; location / { vcita_oauth on; } location /b { vcita_oauth on; } }" },
    qr{^location / at \S+:\d+ and 1 more of its server: without vcita_oauth_require any user of any vcita business may come in},
    qr/^say whom you expect: vcita_oauth_require \$vcita_oauth_claim_business_uid/);
is run({ server => "server { listen $port; server_name localhost; location / { vcita_oauth optional; } }" }, '--strict')->{status}, 0,
    'optional lets anybody in anyway';


=== TEST 24: preflight: a gate in a location that answers by return; no gate at all
--- gate
--- config
--- flow
my $rule = 'vcita_oauth_require $vcita_oauth_claim_sub x;';
wrong({ locations => "location /r { vcita_oauth on; $rule $_ }" },
    qr{^location /r at \S+:\d+: "(?:return|rewrite)" answers before the gate, without a sign-in}, qr/^serve it by root, alias or proxy_pass/)
    for 'return 200 "secret";', 'rewrite ^ /elsewhere permanent;', 'rewrite ^/(.*)$ https://example.com/$1;';

my $port = port();
my $server = "server { listen $port; server_name localhost; vcita_oauth on; $rule location = /healthz { vcita_oauth off; } location /r { %s return 200; } }";
warns({ server => sprintf $server, '' }, qr{^location /r at \S+:\d+: "return" answers before}, qr/^say "vcita_oauth off;" there/);
is run({ server => sprintf $server, 'vcita_oauth off;' }, '--strict')->{status}, 0, 'with off it is meant so';
is run({ server => $server =~ s/%s return 200;/$_/r }, '--strict')->{status}, 0, "inherited: $_"
    for 'return 404;', 'return 301 /x;', 'internal; return 200;';
is run({ locations => 'vcita_oauth on; ' . $rule . $_ })->{status}, 1, "of the server: $_" for 'return 200;';
wrong({ server => "server { listen $port; server_name localhost; location / { return 200; } }" },
    qr/^no gate: "vcita_oauth" is nowhere on/, qr/vcita_oauth on;/);


=== TEST 25: preflight: nginx.conf as nginx reads it: includes, quotes, escapes, comments, nested locations
--- gate
--- config
--- flow
my $d = dir();
put('conf/more/b.conf', <<'E');
location /open { add_header X-Open yes; } # "}
E
put('conf/more/.hidden.conf', "nonsense;\n");
put('conf/more/types.conf', "\ntypes {\n    text/html html;\n}\n");
put('conf/gate.inc', <<'E');
# the gate of "all" {
vcita_oauth "on"; vcita_oauth_require $vcita_oauth_claim_role 'a;b}' "c\"d{" e\;f;
E

my $r = run({ http => <<'E', locations => <<'E2' });
include more/nothing*.conf;
include more/types.conf;
map $uri $m { default "{"; "~^/x{2}" '}\''; "#a" "${uri}b{"; }
E
location /in {
    include gate.inc;
    location ~ "^/in/[0-9]{4}$" { add_header X '# no comment'; add_header Y a#b; add_header Z ${uri}x; }
}
location /off { vcita_oauth off; }
include more/*.conf;
E2
is $r->{status}, 0, 'fine' or diag $r->{said};
like $r->{said}, qr/^ok +3 of 6 servers and locations have a gate/m, 'all of them';

put('conf/more/b.conf', "location /oauth {\n    return 404;\n}\n");
wrong({ locations => 'include more/*.conf;' }, qr{is answered by "return" at \Q$d\E/more/b\.conf:2, before}, qr/^add "location/);
unlink "$d/more/b.conf", "$d/more/types.conf", "$d/more/.hidden.conf";

# the code of another language, which this nginx may not know
my $text = do { local (@ARGV, $/) = conf(); <> };
$text =~ s<location / \{><set_by_lua_block \$x { local t = { "it's" } return t[1] -- 'tis
    }
    location /lua { content_by_lua_block { if x then y = { z = { 1 } } end -- "tis
    } } $&> or die;
$r = preflight(prints("# configuration file $d/nginx.conf:\n$text\n"));
is $r->{status}, 0, 'Lua' or diag $r->{said};
like $r->{said}, qr/^ok +1 of 3 servers and locations have a gate/m, 'is skipped';


=== TEST 26: preflight: vcita_oauth_revoke_endpoint is an endpoint like the others, where it is set
--- gate
--- config
--- flow
my ($vcita) = main::usual('') =~ m{vcita_oauth_token_endpoint (https://[^/]+)} or die "no sandbox\n";
my $r = run({ gate => "vcita_oauth_revoke_endpoint $vcita/platform/v1/tokens/revoke;" });
is $r->{status}, 0, 'all is well' or diag $r->{said};
like $r->{said}, qr{^ok +revoke endpoint $vcita/platform/v1/tokens/revoke: answers \(40\d, [\d.]+ s\)$}m, 'it is asked';
unlike run({ gate => 'vcita_oauth_revoke_endpoint off;' })->{said}, qr/revoke endpoint/, 'off: it is not';
wrong({ gate => "vcita_oauth_revoke_endpoint $vcita/elsewhere;" }, qr/^revoke endpoint \S+: answers 404/, qr/^correct its path/);


=== TEST 27: preflight: where vcita_oauth_bearer is in force, whether the key set can verify a token; elsewhere it is not asked
--- gate
--- config
--- flow
control(POST => 'stats/reset');
unlike run($_)->{said}, qr/jwks/, 'without it: not a word' for {}, { in_server => 'vcita_oauth_bearer off;' },
    { gate => 'vcita_oauth_jwks_endpoint http://127.0.0.1:1/;' };
is control(GET => 'stats')->{calls}{keys}, undef, 'and no request';

my %bearer = (in_server => 'vcita_oauth_bearer salonapp;');
my $r = run(\%bearer);
is $r->{status}, 0, 'all is well' or diag $r->{said};
like $r->{said}, qr{^ok +jwks endpoint https:\S+/jwks\.json: answers \(200, [\d.]+ s\)$}m, 'it answers';
like $r->{said}, qr{^ok +jwks endpoint https:\S+/jwks\.json: 1 of 1 keys can verify a token$}m, 'with a key';
is_deeply control(GET => 'stats')->{calls}{keys}, { 200 => 1 }, 'asked once';

wrong({ %bearer, gate => 'vcita_oauth_jwks_endpoint http://127.0.0.1:1/jwks.json;' },
    qr/^jwks endpoint http:\S+: the connection is refused/, qr/firewall/);
fault(endpoint => 'keys', kind => 'status', status => 301);
wrong(\%bearer, qr/^jwks endpoint \S+: answers 301 instead of keys$/, qr/^correct its path/);
fault(endpoint => 'keys', kind => 'garbage');
wrong(\%bearer, qr/^jwks endpoint \S+: what it answers is no key set of at most 64 keys and 64 KiB$/, qr/^correct vcita_oauth_jwks_endpoint/);
fault(endpoint => 'keys', kind => 'garbage', body => encode_json(client_jwks('rsa1024', 'ec')));
wrong(\%bearer, qr/^jwks endpoint \S+: none of its keys can verify a token: 2 keys, /, qr/^correct vcita_oauth_jwks_endpoint/);
no_faults();


=== TEST 28: preflight: of a key set it counts the keys that the module would use
--- gate
--- config
--- flow
my ($rsa, $short, $ec) = map { client_jwks($_)->{keys}[0] } qw( rsa rsa1024 ec );
my %without = map { my $name = $_; ($name => { map { $_ => $rsa->{$_} } grep { $_ ne $name } keys %$rsa }) } qw( use alg kid kty n e );
my $n = $rsa->{n};

for ([ '0 0' ], [ '1 1', $rsa ], [ '3 1', $short, $ec, $rsa ], [ '3 3', @without{qw( use alg kid )} ], [ '3 0', @without{qw( kty n e )} ],
    [ '2 0', { %$rsa, use => 'enc' }, { %$rsa, alg => 'RS512' } ], [ '64 64', ($rsa) x 64 ],
    [ '1 1', { %$rsa, x5c => [ 'a"\\/', { b => [] } ], more => [ undef, -1.5e3, \1 ] } ],
    [ '6 0', map { { %$rsa, n => $_ } } "$n=", "$n+", substr($n, 0, -1), 'A' . substr($n, 1), 5, [ $n ] ],
    [ '4 0', map { { %$rsa, e => $_ } } 'AQ', 'Ag', 'AQAA', '' ], [ '1 0', { %$rsa, n => MIME::Base64::encode_base64url(substr(MIME::Base64::decode_base64url($n), 0, -1) . "\2") } ])
{
    my ($count, @keys) = @$_;
    is keys_of(encode_json({ keys => \@keys, more => 1 })), $count, "$count: " . substr encode_json(\@keys), 0, 60;
}
is keys_of($_), 'none', substr $_, 0, 40 for '<html>', '', '[]', '{}', '{"keys":{}}', '{"keys":[1]}', '{"keys":[],}', '{"keys":[]}x', '{"keys":[}',
    '{"keys":[],"keys":[]}', "{\"keys\":[\"a\n\"]}", '[' x 10_000, encode_json({ keys => [ ($rsa) x 65 ] }), encode_json({ keys => [ $rsa ], more => 'x' x 65_536 });
is keys_of("  {\r\n\t\"k\\u0065ys\" : [ ] }\n"), '0 0', 'white space, escapes';


=== TEST 29: preflight: vcita does not know the redirect_uri, the client id, or the secret, which no output holds
--- gate
--- config
--- flow
my $id = 'e0faca0a2bca52368adfd0ac6035c7a5';
my $r = run({});
like $r->{said}, qr/^ok +\Q$_\E$/m, $_ for
    "authorize endpoint: client_id $id with redirect_uri " . url('/oauth/callback') . ' is not refused', "the client secret of client_id $id is right";

wrong({ unregistered => 1, gate => 'vcita_oauth_redirect_uri ' . url('/oauth/calback;') },
    qr{^redirect_uri http://127\.0\.0\.1:\d+/oauth/calback: vcita does not know it at client_id $id$}, qr/^add it to the app in vcita, letter for letter/, '--not-running');
my $other = reverse $id;
wrong({ gate => "vcita_oauth_client_id $other;" }, qr/^client_id $other: vcita does not know it/, qr/^correct vcita_oauth_client_id/);

# canaries: of each format, in a file and in nginx.conf
my $canary = 'c4n4ry&"=Q7x\\2mZ8+w/5%K';
for my $gate ('', 'vcita_oauth_token_format json;', 'vcita_oauth_pkce off;') {
    put('conf/secret', "$canary\n");
    wrong({ gate => $gate }, qr/^the token endpoint refuses the client secret of client_id $id \(invalid_client\)$/, qr/^put the secret there that vcita showed/);
    my $said = run({ gate => "$gate vcita_oauth_client_secret c4n4ry-Q7x2mZ8w5K;" })->{said};
    like $said, qr/^WRONG +the token endpoint refuses the client secret/m, 'in nginx.conf';
    unlike $said . run({ gate => $gate })->{said}, qr/c4n4ry/, 'no output holds it';
    put('conf/secret', secret());
    is run({ gate => $gate })->{status}, 0, "right: $gate";
}


=== TEST 30: preflight: the secret arrives as it is, by form and by JSON; with it a made-up code, and a verifier with PKCE alone
--- gate
--- config
--- flow
my $canary = 'c4n4ry&"=Q7x\\2mZ8+w/5%K';
put('conf/secret', "$canary\n");
my $seen = sub {
    stub->reset;
    stub->always({ token => { status => 400, json => { error => 'invalid_grant' } } });
    my $r = run({ gate => 'vcita_oauth_token_endpoint ' . stub->url . "/oauth/token; $_[0]" });
    is $r->{status}, 0, "$_[0]: all is well" or diag $r->{said};
    my @got = stub->requests('/oauth/token');
    is scalar(@got), 1, 'one request';
    return $got[0]->fields;
};
for my $format ('form', 'json') {
    my $f = $seen->("vcita_oauth_token_format $format;");
    is $f->{client_secret}, $canary, "$format: the secret";
    is $f->{redirect_uri}, url('/oauth/callback'), 'redirect_uri';
    is $f->{grant_type}, 'authorization_code', 'grant_type';
    like $f->{code}, qr/^preflight/, 'a made-up code';
    is length $f->{code_verifier}, 43, 'a made-up verifier';
}
is $seen->('vcita_oauth_pkce off;')->{code_verifier}, undef, 'without PKCE: none';

# by TLS that is verified, or on this machine, alone
my $at = 'vcita_oauth_token_endpoint https://vcita.invalid/oauth/token;';
like records({ gate => $at }), qr/^client\x1f.*c4n4ry/m, 'TLS: sent';
unlike records({ gate => $_ }), qr/c4n4ry/, "$_: not sent" for $at =~ s/https/http/r, "$at vcita_oauth_ssl_verify off;";

my $gate = 'vcita_oauth_token_endpoint ' . stub->url . '/oauth/token;';
stub->always({ token => { status => 400, json => { error => 'invalid_request' } } });
wrong({ gate => $gate }, qr/by invalid_request, not by invalid_grant$/, qr/^try "vcita_oauth_pkce off;", then correct/);
stub->always({ token => { status => 403, body => 'no' } });
warns({ gate => $gate }, qr/^the token endpoint does not say whether the client secret of client_id \S+ is right$/, qr/^is vcita_oauth_token_endpoint correct/);
put('conf/secret', secret());


=== TEST 31: preflight: an assertion that its key signs, RS256 and ES256: taken, or refused
--- gate
--- config
--- flow
my $id = VcitaSandbox->create(name => 'prover', jwks => client_jwks('rsa', 'ec'));
my $gate = "no vcita_oauth_client_secret;\nvcita_oauth_client_id $id;\nvcita_oauth_client_assertion_key assertion";
my $key = sub { put('conf/assertion', do { local (@ARGV, $/) = client_key($_[0]); <> }) };

for my $name ('rsa', 'ec') {
    $key->($name);
    for my $kid ('', " kid=$name") {
        my $r = run({ gate => "$gate$kid;" });
        is $r->{status}, 0, "$name$kid: all is well" or diag $r->{said};
        like $r->{said}, qr/^ok +the assertion key of client_id $id is right$/m, 'said';
        unlike $r->{said}, qr/eyJ/, 'no assertion in the output';
    }
    $key->("${name}_other");
    wrong({ gate => "$gate;" }, qr/^the token endpoint refuses the assertion key of client_id $id \(invalid_client\)$/, qr/^give vcita the public part/);
}


=== TEST 32: preflight: a scope that vcita refuses, and endpoints that a request alone names
--- gate
--- config
--- flow
my $app = sub { my ($id, $secret) = VcitaSandbox->create(@_);
    return "vcita_oauth_client_id $id; vcita_oauth_client_secret $secret;" };
my $gate = $app->(name => 'broad', scopes => ['openid']);
is run({ gate => $gate })->{status}, 0, 'its scope';
wrong({ gate => $app->(name => 'narrow', scopes => ['profile']) },
    qr/^the authorize endpoint refuses vcita_oauth_scope openid \(invalid_scope\)$/, qr/^allow that scope at the app/);

my $r = run({ http => 'map $server_name $vcita { default vcita.invalid; }',
              gate => "$gate vcita_oauth_authorize_endpoint https://\$vcita/oauth/authorize;" });
is_deeply $r->{warning}, [ [ 'authorize endpoint https://$vcita/oauth/authorize holds variables that only a request fills: not looked at',
    'sign in once by hand at each of its hosts' ] ], 'variables: said' or diag $r->{said};
like $r->{said}, qr/^ok +the client secret of client_id \S+ is right$/m, 'the secret is looked at all the same';


=== TEST 33: preflight: the values of the README's example, in front of vcita itself
--- gate
--- config
--- flow
my $conf = { gate => 'vcita_oauth_authorize_endpoint https://vcita.invalid/a; vcita_oauth_redirect_uri https://portal.example.com/oauth/callback;',
             in_server => 'server_name portal.example.com;' };
my $r = run($conf, '--behind-proxy', '--not-running');
my $fix = join '|', map { "\Q$_\E" } 'put the client_id of your own app there: ', 'put the name of your own site there', 'put your own business_uid there';
is_deeply [ map { $_->[0] =~ s/ at \S+nginx\.conf:\d+//r } grep { $_->[1] =~ /^(?:$fix)/ } @{ $r->{wrong} } ], [
    "vcita_oauth_client_id is the example's, which vcita does not know",
    "vcita_oauth_redirect_uri https://portal.example.com/oauth/callback is the example's, no site has such a name",
    "the rule has the example's business, ed469f8764326a66" ], 'each of them' or diag $r->{said};
is run({ %$conf, gate => 'vcita_oauth_redirect_uri https://portal.example.com/oauth/callback;' }, '--behind-proxy', '--not-running')->{status}, 0,
    'the sandbox knows them';


=== TEST 34: preflight: a rule or header of a claim that the session has not: userinfo is not asked, or there is no such claim
--- gate
--- config
--- flow
my $rule = sub { my ($claim, $more) = @_; return { locations => "location /r { vcita_oauth on; vcita_oauth_require $claim x; }", gate => $more // '', http => 'map $vcita_oauth_claim_email $m { default 0; }' } };
my $no = 'vcita_oauth_userinfo auto;';
my $never = qr/^the rule at \S+nginx\.conf:\d+ is never met: /;
my $all = 'vcita_oauth_scope profile;';

wrong({ gate => $_ }, qr/${never}the claim "business_uid" is in userinfo alone, which "vcita_oauth_userinfo (?:auto|off)" does not ask$/, qr/^say "vcita_oauth_userinfo on;"$/)
    for $no, 'vcita_oauth_userinfo off;';
is run({ gate => "$no $all" })->{status}, 0, 'without an id_token, "auto" asks';
is run({ gate => $no, in_server => 'vcita_oauth_bearer salonapp;' })->{status}, 0, 'a signed token has it';
is scalar(@{ run($rule->('$m', $no))->{wrong} }), 2, 'through a map';

for ([ '$vcita_oauth_claim_bussiness_uid', 'bussiness_uid', 'business_uid' ], [ '$vcita_oauth_claim_Emial', 'emial', 'email' ],
     [ '$vcita_oauth_claim_brand_themes__locale', 'brand_themes', 'brand_theme' ])
{
    my ($variable, $name, $near) = @$_;
    wrong($rule->($variable), qr/${never}vcita has no claim "$name"$/, qr/^write \$vcita_oauth_claim_$near$/);
}
is run($rule->("\$vcita_oauth_claim_$_"))->{status}, 0, $_ for qw( sub role brand_theme__locale department );

warns({ in_server => 'vcita_oauth_header X-Role $vcita_oauth_claim_rolle;' },
    qr/^vcita_oauth_header X-Role at \S+ is never sent: vcita has no claim "rolle"$/, qr/^write \$vcita_oauth_claim_role$/);
warns({ in_server => 'add_header X-Type $vcita_oauth_claim_typ;' },
    qr/^\$vcita_oauth_claim_typ at \S+nginx\.conf:\d+ is always empty: /, qr/^write \$vcita_oauth_claim_type$/);


=== TEST 35: preflight: secrets as Kubernetes and Docker mount them
--- gate
--- config
--- flow
for my $name ('secret', 'key') {
    for my $mode (0440, 0444, 0640, 0644) {
        chmod $mode, dir() . "/$name";
        my $r = run({}, '--container', '--strict');
        is $r->{status}, 0, sprintf '%s: %04o, --container', $name, $mode or diag $r->{said};
        like $r->{said}, qr/^ok +the (?:client secret|session key) in \S+\/$name cannot be changed in this container$/m, 'said';
        is run({})->{status}, 1, 'wrong elsewhere';
    }
    for my $mode (0620, 0602) {
        chmod $mode, dir() . "/$name";
        wrong({}, qr/$name can be read or changed by others/, qr/^chmod 600/, '--container');
    }
    chmod 0600, dir() . "/$name";
}

if ($> == 0) {
    my $text = do { local (@ARGV, $/) = conf(); <> };
    my @conf = sub { put('conf/nginx.conf', "user nobody nogroup;\n$text"); return dir() . '/nginx.conf' }->();
    chmod 0440, dir() . '/secret';
    chown 0, scalar getgrnam('nogroup'), dir() . '/secret';
    my $r = preflight(@conf);
    is $r->{status}, 0, 'the workers may read it anyway';
    like $r->{said}, qr/^warning +the client secret in \S+secret can be read by the group of nginx's workers \(mode 0440\)\n +fix: chmod 400 \S+secret, or say --container/m, 'a warning';
    chown 0, 1, dir() . '/secret';
    is preflight(@conf)->{status}, 1, 'another group';
    chown 0, 0, dir() . '/secret';
    chmod 0600, dir() . '/secret';
}


=== TEST 36: preflight: an error page that is behind the gate itself
--- gate
--- config
error_page 401 /own/401.html;
location /open/ { vcita_oauth on; error_page 401 /off/401.html; }
location /off/ { vcita_oauth off; }
--- user_files
>>> own/401.html
our own page
>>> off/401.html
our own page
--- flow
my $page_of = sub { my $r = browser()->get($_[0], headers => [ 'Sec-Fetch-Mode' => 'cors' ]); return [ $r->status, scalar($r->body =~ /our own page/) || 0 ] };
is_deeply $page_of->('/'), [ 401, 0 ], 'it is not shown';
is_deeply $page_of->('/open/'), [ 401, 1 ], 'one without a gate is';

my $rule = 'vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_sub x; ';
my $page = 'error_page 500 502 503 504 /50x.html; ';
my $what = qr{^error_page at \S+nginx\.conf:\d+: /50x\.html is behind the gate, so users who are not signed in get the module's own page$};

warns({ in_server => $page }, $what, qr{^add "location = /50x\.html \{ vcita_oauth off; \}" to the server at \S+});
warns({ in_server => $rule . $page, locations => 'location = /50x.html { } location = /up { vcita_oauth off; }' }, $what,
    qr{^say "vcita_oauth off;" in location = /50x\.html at \S+});
warns({ in_server => $rule . 'error_page 401 = @login;', locations => 'location @login { } location = /up { vcita_oauth off; }' },
    qr/: \@login is behind the gate, /, qr/^say "vcita_oauth off;" in location \@login/);

is run({ in_server => $_->[0], locations => $_->[1] }, '--strict')->{status}, 0, "@$_" for
    [ $page, 'location = /50x.html { }' ], [ $page, 'location = /50x.html { vcita_oauth off; }' ],
    [ 'error_page 404 /404.html;', '' ], [ 'error_page 403 https://www.example.com/no;', '' ], [ 'error_page 403 /$uri;', '' ],
    [ $page, 'location = /50x.html { return 200; }' ];


=== TEST 37: preflight: auth_request beside a gate, and to a location that has one by inheritance
--- gate
--- config
location /both { vcita_oauth on; auth_request /session; }
location = /session { internal; vcita_oauth on; try_files /. =204; }
--- flow
is browser()->get('/both')->status, 401, 'no sign-in';

my $key = 'location = /key { internal; %s proxy_pass http://127.0.0.1:1; }';
my $rule = 'vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_sub x; location = /up { vcita_oauth off; } ';
my $at = qr{^auth_request /key at \S+nginx\.conf:\d+: its location has a gate, so };

warns({ in_server => $rule, locations => "location /api { vcita_oauth off; auth_request /key; } " . sprintf $key, '' },
    qr/${at}requests without a session get 401$/, qr{^say "vcita_oauth off;" in location = /key at});
warns({ in_server => $rule, locations => "location /a { auth_request /key; } " . sprintf $key, '' },
    qr/${at}users who are not signed in get 401 and no sign-in$/, qr{^say "vcita_oauth off;" in location = /key at});
warns({ in_server => $rule, locations => "location /a { auth_request /key; } " . sprintf $key, 'vcita_oauth on;' },
    qr/${at}users who are not signed in get 401 and no sign-in$/, qr/^take this auth_request away/);

is run({ in_server => $rule, locations => $_ }, '--strict')->{status}, 0, $_ for
    'location /api { vcita_oauth off; auth_request /key; } ' . sprintf($key, 'vcita_oauth off;'),
    'location /api { vcita_oauth off; auth_request /key; } ' . sprintf($key, 'vcita_oauth on;'),
    'location /api { auth_request /key; satisfy any; } ' . sprintf($key, ''),
    'location = /own { auth_request /own; } location /o { auth_request off; }';


=== TEST 38: preflight: health checks and ACME challenges behind a gate of the whole server
--- gate
--- config
--- flow
my ($port, $ca) = (port(), cert());
my $rule = 'vcita_oauth on; vcita_oauth_require $vcita_oauth_claim_sub x;';
my $server = "server { listen $port; server_name localhost; $rule %s }";

warns({ server => sprintf $server, '' }, qr/^the gate of the server at \S+nginx\.conf:\d+ covers all paths: a health check such as /,
    qr{^add "location = /healthz \{ vcita_oauth off; return 200; \}"});
is run({ server => $_ }, '--strict')->{status}, 0, $_ for
    sprintf($server, 'location = /livez { vcita_oauth off; return 200; }'), sprintf($server, 'location /health { vcita_oauth off; }'),
    sprintf($server, '') . " server { listen $port; server_name other; location = /healthz { return 200; } }";

my $tls = sub { my ($gate, $in, @more) = @_; return { gate => 'vcita_oauth_redirect_uri https://localhost:' . "$port/oauth/callback;",
    server => "server { listen $port ssl; server_name localhost; ssl_certificate @{[ $more[0] // $ca->{site} ]}; ssl_certificate_key $ca->{site_key};
               $gate location = /up { vcita_oauth off; } $in }" } };
my $acme = qr{^the gate of the server at \S+nginx\.conf:\d+ covers /\.well-known/acme-challenge/: };
my $fix = qr{^add "location \^~ /\.well-known/acme-challenge/ \{ vcita_oauth off; root \.\.\.; \}"};

warns($tls->($rule, ''), $acme, $fix, '--not-running');
is run($tls->($rule, 'location ^~ /.well-known/acme-challenge/ { vcita_oauth off; }'), '--not-running', '--strict')->{status}, 0, 'open';
is run($tls->('', "location / { $rule }"), '--not-running', '--strict')->{status}, 0, 'a certificate of another kind, a gate of a location';

mkdir dir() . '/letsencrypt';
my $live = put('conf/letsencrypt/site.pem', do { local (@ARGV, $/) = $ca->{site}; <> });
warns($tls->('', "location / { $rule }", $live), $acme, $fix, '--not-running');
warns($tls->('', "location /.well-known/ { $rule }"), $acme, $fix, '--not-running');
is run($tls->($rule, ''), '--not-running', '--strict', '--behind-proxy')->{status}, 0, '--behind-proxy: TLS is not of this nginx';


=== TEST 39: preflight: no CA of the environment verifies an endpoint, for nginx has none of it
--- gate
--- config
--- flow
my $ca = cert();
my $stub = stub->url_tls;
stub->always({ token => { status => 400, json => { error => 'invalid_grant' } } });
for my $name (qw( CURL_CA_BUNDLE SSL_CERT_FILE )) {
    local $ENV{$name} = $ca->{ca};
    my $r = run({ gate => "no vcita_oauth_ssl_trusted_certificate;\nvcita_oauth_token_endpoint $stub/oauth/token;" });
    my ($at) = $stub =~ m{//(.*)};
    like $r->{said}, qr/^WRONG +TLS of $at is not verified by the CAs of this system: /m, "$name: not verified" or diag $r->{said};
}


=== TEST 40: preflight: hostile answers of an endpoint: no control byte in the output, no other host asked, no command run
--- gate
--- config
# $TEST_NGINX_RAND_PORT_1 $TEST_NGINX_RAND_PORT_2
--- flow
my $touched = dir() . '/touched';
my $elsewhere = server_of(rand_port(2), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
my $cmd = "\$(touch $touched)`touch $touched`a[\$(touch $touched)]";
my %answer = (
    'field separators' => "HTTP/1.1 400 Bad\r\nDate: a\x1f$cmd\x1f$cmd\x1f$cmd\r\nAge: $cmd\r\nX: \x1f200\x1f$cmd\x1f\e[2J\x1f$cmd\r\nContent-Length: 0\r\n\r\n",
    'escape sequences' => "HTTP/1.1 400 \e]0;x\a\r\nLocation: \e[31m\r\nContent-Type: application/json\r\n\r\n{\"error\":\"\e[2Jinvalid_grant\"}",
    'a command as error' => "HTTP/1.1 400 Bad\r\n\r\n{\"error\":\"$cmd\"}",
    'a redirect' => 'HTTP/1.1 307 Elsewhere' . "\r\nLocation: http://127.0.0.1:" . rand_port(2) . "/\r\nContent-Length: 0\r\n\r\n",
    'zeros' => "HTTP/1.1 400 Bad\r\n\r\n" . "\0" x 1_000_000,
    'no HTTP' => "\e[31m\x1f200\x1f1\x1f$cmd" . "\0" x 1000,
);
for my $what (sort keys %answer) {
    my $server = server_of(rand_port(1), $answer{$what});
    my $r = run({ gate => 'vcita_oauth_token_endpoint http://127.0.0.1:' . rand_port(1) . '/oauth/token;' }, '--timeout', 3);
    cmp_ok $r->{status}, '<=', 1, "$what: it went through";
    like $r->{said}, qr/^ok: \d+, warnings: \d+, wrong: \d+\n\z/m, 'to its last line';
    like $r->{said}, qr/^(?:ok|warning|WRONG) +token endpoint /m, 'it was asked';
    unlike $r->{said}, qr/[^\n -~]/, 'printable';
    unlike $r->{said}, qr/${\ secret() }/, 'no secret';
}
ok !-e $touched, 'no command was run';
is $elsewhere->asked, 0, 'no other host was asked';


=== TEST 41: preflight: an answer without end: no more than a few MiB of it, and the time of one request
--- gate
--- config
# $TEST_NGINX_RAND_PORT_1
--- flow
for my $endless ("HTTP/1.1 400 Bad\r\n\r\n", "HTTP/1.1 400 Bad\r\n") {
    my $server = server_of(rand_port(1), $endless, 'X: ' . 'y' x 8000 . "\r\n");
    my $r = run({ gate => 'vcita_oauth_token_endpoint http://127.0.0.1:' . rand_port(1) . '/oauth/token;' }, '--timeout', 2);
    cmp_ok $r->{status}, '<=', 1, 'it went through' or diag $r->{said};
    like $r->{said}, qr/^WRONG +token endpoint /m, 'that is no answer';
    cmp_ok $server->sent, '<', 32 << 20, 'it was cut: ' . $server->sent;
}


=== TEST 42: preflight: values of nginx.conf are no commands, and no part of a proxy's password is shown
--- gate
--- config
--- flow
my $touched = dir() . '/touched';
my $cmd = "\$(touch $touched)`touch $touched`";
my $file = conf(unregistered => 1, gate => 'vcita_oauth_token_endpoint ' . stub->url . '/oauth/token;');
my $text = do { local (@ARGV, $/) = $file; <> };
for my $name (qw( client_id client_secret redirect_uri token_endpoint scope authorize_args userinfo_endpoint )) {
    for my $hostile ("x$cmd", "x\\nurl = file:///etc/passwd", "x\\\"\\nurl = file:///etc/passwd") {
        (my $with = $text) =~ s/^(\s*vcita_oauth_$name)\s+[^;]*;/$1 "http:\/\/127.0.0.1\/$hostile";/m or next;
        my $r = preflight(prints($with), '--timeout', 2);
        unlike $r->{said}, qr/root:|c4n4ry/, "$name: no other file";
        ok !-e $touched, "$name: no command was run";
    }
}
for my $password ('p@ss/c4n4ry', 'c4n4ry%40/x', 'a:c4n4ry', 'c4n4ry#x', 'c4n4ry?x@y', '[c4n4ry', 'c4n4ry\\\\x') {
    my $r = run({ gate => qq{vcita_oauth_http_proxy "http://user:$password\@127.0.0.1:1";} });
    like $r->{said}, $password =~ m{[@/?#]} ? qr/^WRONG +nginx -t fails: .*requires percent-encoding/m : qr/^WRONG +token endpoint .* through the proxy 127\.0\.0\.1:1: the connection is refused$/m, "$password: said";
    unlike $r->{said}, qr/c4n4ry/, 'no password';
}
