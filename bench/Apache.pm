# Apache - mod_auth_openidc beside us: the same targets, logged in for real at
# the sandbox, the session in a cookie or in shared memory; and without it.

package Apache;

use strict;
use warnings;

use lib 't/lib';

use Bench;
use File::Temp ();
use Load;
use Site;
use VcitaBrowser;

use Exporter 'import';

our @EXPORT = qw( start_sandbox start_apache apache_login );

my $MODULES = '/usr/lib/apache2/modules';
my $ID = '5dc7f6a1b0e34d2f9a86c1d07e4b93fa';

# name => port; and how it keeps a session
my %PORT_OF = (cookie => $PORT{apache}, shm => $PORT{apache_shm},
               off => $PORT{apache_off});
my %SESSION = (cookie => 'client-cookie', shm => 'server-cache');

# where a user other than root may read
my $Public;


# a stand-in for vcita that lets alice in at once; its address
sub start_sandbox {
    my $callbacks = join ',', map { "http://127.0.0.1:$_/oauth/callback" }
        values %PORT_OF;

    spawn('sandbox', 'taskset', '-c', $BACK_CPU, 'node',
          "$ROOT/examples/sandbox/sandbox.mjs", '--https', 0, '--auto', 'alice',
          '--app', "$ID:$SECRET:$callbacks");

    return wait_for("sandbox: see $DIR/sandbox.out", sub {
        slurp("$DIR/sandbox.out") =~ /"ready":true.*?"https":"([^"]+)"/ && $1;
    });
}


# the process that answers: the one child
sub start_apache {
    my ($kind, $sandbox) = @_;
    my $name = "apache-$kind";
    my $user = $> == 0 ? "User www-data\nGroup www-data" : '';
    my $modules = join '', map { "LoadModule ${_}_module $MODULES/mod_$_.so\n" }
        grep { -f "$MODULES/mod_$_.so" }
        qw( mpm_event authn_core authz_core authz_user alias dir unixd
            proxy proxy_http auth_openidc );

    spew("$DIR/$name.conf", $modules . <<END . targets($kind));
ServerRoot $DIR
ServerName 127.0.0.1
PidFile $DIR/$name.pid
DefaultRuntimeDir $DIR
ErrorLog $DIR/$name.log
LogLevel crit
Listen 127.0.0.1:$PORT_OF{$kind}
$user
ServerLimit 1
StartServers 1
ThreadsPerChild 64
MaxRequestWorkers 64
MaxConnectionsPerChild 0
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60

OIDCProviderIssuer $sandbox
OIDCProviderAuthorizationEndpoint $sandbox/oauth/authorize
OIDCProviderTokenEndpoint $sandbox/oauth/token
OIDCProviderTokenEndpointAuth client_secret_post
OIDCProviderUserInfoEndpoint $sandbox/oauth/userinfo
OIDCProviderJwksUri $sandbox/oauth/jwks
OIDCClientID $ID
OIDCClientSecret $SECRET
OIDCSSLValidateServer Off
OIDCRedirectURI http://127.0.0.1:$PORT_OF{$kind}/oauth/callback
OIDCCryptoPassphrase 0123456789abcdef0123456789abcdef
OIDCScope openid
OIDCCookie openidc_$kind
OIDCSessionType @{[ $SESSION{$kind} // 'server-cache' ]}
OIDCSessionInactivityTimeout 3600
END

    my $pid = spawn($name, 'taskset', '-c', $FRONT_CPU, 'apache2', '-f',
                    "$DIR/$name.conf", '-DFOREGROUND');

    wait_for("apache: see $DIR/$name.out", sub { is_open($PORT_OF{$kind}) });

    # the child that has threads
    return wait_for('apache child', sub {
        my @children = split ' ', `pgrep -P $pid`;
        my ($child) = grep { (() = glob "/proc/$_/task/*") > 60 } @children;
        $child;
    });
}


# the same files, and the same application behind a proxy
sub targets {
    my ($kind) = @_;
    my $auth = $kind eq 'off' ? 'Require all granted'
        : "AuthType openid-connect\n    Require valid-user";

    $Public //= public_files();

    return <<END;
Alias /gif $Public/gif
Alias /1k $Public/1k
ProxyPreserveHost On
ProxyPass /proxy http://127.0.0.1:$PORT{app}/1k
<Location />
    $auth
</Location>
END
}


sub public_files {
    my $dir = File::Temp->newdir;

    chmod 0755, "$dir";
    spew("$dir/$_", slurp("$DIR/html/$_")) for qw( gif 1k );

    return $dir;
}


# a whole login; the cookies of the session
sub apache_login {
    my ($kind) = @_;
    my $site = "http://127.0.0.1:$PORT_OF{$kind}";
    my $browser = VcitaBrowser->new(base => $site, modern => 1,
                                    verify => 0);

    $browser->visit('/gif');

    die "no login at apache:\n" . $browser->describe
        if $browser->res->status != 200;

    return join '; ', map { "$_=" . $browser->cookie($_) }
        grep { /^openidc_/ } $browser->cookies;
}


1;
