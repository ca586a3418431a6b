# VcitaSiteConf - an operator's nginx configuration, changed so that it runs beside a stand-in for vcita and one for the
# application: other ports, certificates, secrets and addresses, all else as it is.  It says what it has changed.
#
#   my $conf = VcitaSiteConf->new(files => [ 'nginx.conf' ], paths => { '/var/www' => 'public' }, hosts => []);
#   $conf->apps;             # for the stand-in of vcita: [ { client_id, client_secret | jwks, oauth_redirect_uris } ]
#   $conf->home;             # https://portal.example.com: of the first redirect_uri
#   $conf->names; $conf->ports;    # the hosts; the ports, in the order of $TEST_NGINX_RAND_PORT_1 and so on
#   my ($main, $http, @said) = $conf->changed(vcita => { http, https, ca }, app => 'http://127.0.0.1:1');
#                                  # as text for Test::Nginx's sections, and what was changed
package VcitaSiteConf;

use strict;
use warnings;

use Cwd ();
use File::Basename ();
use File::Temp ();
use VcitaAssertion ();
use VcitaCert ();
use VcitaConf ();

my $SECRET = 'a-secret-of-the-tests-0123456789abcdef';

# what a test's nginx has of its own, or does without
my %DROPPED = map { $_ => 1 } qw(
    vcita_oauth_authorize_endpoint vcita_oauth_token_endpoint vcita_oauth_userinfo_endpoint
    vcita_oauth_ssl_trusted_certificate vcita_oauth_ssl_verify vcita_oauth_http_proxy
    error_log client_body_temp_path proxy_temp_path fastcgi_temp_path scgi_temp_path uwsgi_temp_path
    ssl_dhparam ssl_password_file ssl_session_ticket_key ssl_stapling ssl_stapling_file ssl_stapling_verify
    ssl_trusted_certificate ssl_verify_client ssl_client_certificate ssl_crl
    fastcgi_param uwsgi_param scgi_param grpc_set_header
);

# changed by the function of that name
my %CHANGED = map { $_ => __PACKAGE__->can("change_$_") } qw(
    listen server proxy_pass access_log root alias auth_basic_user_file
);


sub new {
    my ($class, %arg) = @_;
    my $self = bless { paths => {}, hosts => [], dir => File::Temp->newdir, ports => [], said => [], %arg }, $class;
    my $find = sub { $self->path($_[0]) };
    my @all = map { @{ VcitaConf->read($_, find => $find) } } @{ $arg{files} };

    my ($http) = VcitaConf::of(\@all, 'http');
    $self->{http} = $http ? $http->{block} : \@all;
    $self->{main} = $http ? [ grep { $_->{name} =~ /^(?:load_module|thread_pool)$/ } @all ] : [];
    $self->{folder} = File::Basename::dirname(Cwd::abs_path($arg{files}[0]));

    VcitaConf::of($self->{http}, 'server')
        or die "@{ $arg{files} }: no server in it: give nginx.conf, or the file that has the server\n";
    $self->{apps} = {};
    $self->find_apps($self->{http}, {}, []);
    %{ $self->{apps} } or die "@{ $arg{files} }: no vcita_oauth_client_id and vcita_oauth_redirect_uri in it\n";
    return $self;
}


# where a path of the configuration is here
sub path {
    my ($self, $path) = @_;
    for my $from (sort { length $b <=> length $a } keys %{ $self->{paths} }) {
        return Cwd::abs_path($self->{paths}{$from}) . $1 if $path =~ /^\Q$from\E((?:\/.*)?)$/s;
    }
    return $path;
}


# -- what is in it ---------------------------------------------------------------------------------

# the applications of a block and of those in it, as vcita has to know them
sub find_apps {
    my ($self, $block, $from, $names) = @_;
    my %has = %$from;

    for my $d (@$block) {
        $has{$1} = VcitaConf::plain($d->{args}[0])
            if $d->{name} =~ /^vcita_oauth_(client_id|client_secret|redirect_uri|client_assertion_key)$/;
        $names = [ map { VcitaConf::plain($_) } @{ $d->{args} } ] if $d->{name} eq 'server_name';
    }

    if (defined $has{client_id} && defined $has{redirect_uri}) {
        my $app = $self->{apps}{ $has{client_id} } ||= { uris => [] };
        $app->{signs} = 1 if defined $has{client_assertion_key};
        for my $uri ($self->uris($has{redirect_uri}, $names)) {
            push @{ $app->{uris} }, $uri unless grep { $_ eq $uri } @{ $app->{uris} };
            $self->{home} //= $uri =~ s{^(\w+://[^/]+).*}{$1}rs;
        }
    }
    $self->find_apps($_->{block}, \%has, $names) for grep { $_->{block} && !defined $_->{raw} } @$block;
}


# a redirect_uri for each name that its variables can stand for
sub uris {
    my ($self, $uri, $names) = @_;
    return $uri if $uri !~ /\$/;

    my ($scheme) = $uri =~ /^(https?):/ ? $1 : 'https';
    return map {
        my $name = $_;
        $uri =~ s/\$\{?(?:host|http_host|server_name)\}?/$name/gr =~ s/\$\{?scheme\}?/$scheme/gr
    } hosts_of(@$names, @{ $self->{hosts} });
}


# of server_names, those that are names
sub hosts_of { return grep { /^[\w-]+(?:\.[\w-]+)*$/ && $_ ne '_' } map { s/^\.//r } @_ }


sub apps {
    my ($self) = @_;
    return [ map {
        my $app = $self->{apps}{$_};
        { client_id => $_, name => $_, client_secret => $SECRET, oauth_redirect_uris => $app->{uris},
          $app->{signs} ? (jwks => VcitaAssertion::client_jwks('rsa')) : () }
    } sort keys %{ $self->{apps} } ];
}


sub home  { $_[0]{home} }
sub ports { @{ $_[0]{ports} } }

sub names {
    my ($self) = @_;
    my %name = map { $_ => 1 } hosts_of(@{ $self->{hosts} }, map { $self->server_names($_) } @{ $self->{http} }),
        map { m{^https?://([^/:]+)} } map { @{ $_->{uris} } } values %{ $self->{apps} };
    return sort keys %name;
}

sub server_names {
    my ($self, $server) = @_;
    return map { map { VcitaConf::plain($_) } @{ $_->{args} } } VcitaConf::of($server->{block}, 'server_name');
}


# -- what is changed -------------------------------------------------------------------------------

sub changed {
    my ($self, %arg) = @_;
    my $vcita = $arg{vcita};
    @$self{qw( vcita app )} = @arg{qw( vcita app )};
    @$self{qw( cert cert_key )} = VcitaCert->for_names($self->names, $self->wildcards);

    my $http = VcitaConf::walk($self->{http}, sub { $self->change(@_) });
    my %has = map { $_->{name} => 1 } @$http;
    my @own = (
        [ vcita_oauth_authorize_endpoint => "$vcita->{http}/app/oauth/authorize" ],
        [ vcita_oauth_token_endpoint => "$vcita->{https}/oauth/token" ],
        [ vcita_oauth_userinfo_endpoint => "$vcita->{https}/oauth/userinfo" ],
        [ vcita_oauth_ssl_trusted_certificate => $vcita->{ca} ],
        $has{port_in_redirect} ? () : [ port_in_redirect => 'off' ],
    );
    unshift @$http, map { VcitaConf::directive(@$_) } @own;
    push @{ $self->{said} }, map { "added: @$_;" } @own;

    my $main = VcitaConf::walk($self->{main}, sub { $self->module($_[0]) });
    return (VcitaConf::text($main), VcitaConf::text($self->lowered($http)), @{ $self->{said} });
}

sub wildcards {
    my ($self) = @_;
    return map { /^\*?(\.[\w.-]+)$/ ? "*$1" : () } map { $self->server_names($_) } @{ $self->{http} };
}


sub change {
    my ($self, $d, @above) = @_;
    my $name = $d->{name};

    my @new = $DROPPED{$name} || $name =~ /^proxy_ssl_/ ? ()
            : $CHANGED{$name} ? $CHANGED{$name}->($self, $d, @above)
            : $name =~ /^(?:fastcgi|uwsgi|scgi|grpc)_pass$/ ? with($d, name => 'proxy_pass', args => [ $self->{app} ])
            : $name =~ /^vcita_oauth_|^ssl_certificate|_cache_path$/ ? $self->value($d)
            : $d;
    $self->say($d, @new);
    return @new;
}


# those whose first value is another one
sub value {
    my ($self, $d) = @_;
    my ($first, @rest) = map { VcitaConf::plain($_) } @{ $d->{args} };
    my $key = sub { VcitaAssertion::client_key('rsa') };
    my %value = (
        vcita_oauth_client_secret        => sub { $SECRET },
        vcita_oauth_client_assertion_key => sub { ($key->(), 'kid=rsa') },
        vcita_oauth_session_key_file     => sub { $self->session_key($first) },
        vcita_oauth_revoke_endpoint      => sub { $first eq 'off' ? $first : "$self->{vcita}{https}/platform/v1/tokens/revoke" },
        vcita_oauth_issuer               => sub { $self->{vcita}{https} },
        vcita_oauth_session_store        => sub { $first =~ /^rediss?[:+]/ ? 'zone=vcita_site_' . ++$self->{zones} . ':1m'
                                                                        : ($first, @rest) },
        ssl_certificate                  => sub { $self->{cert} },
        ssl_certificate_key              => sub { $self->{cert_key} },
        proxy_cache_path                 => sub { ("$self->{dir}/cache." . ++$self->{caches}, @rest) },
    );
    my $of = $value{ $d->{name} } or return $d;
    return with($d, args => [ $of->() ]);
}


sub session_key {
    my ($self, $path) = @_;
    my $n = $self->{keys}{$path} //= keys %{ $self->{keys} };
    my $file = "$self->{dir}/session_key.$n";

    open my $fh, '>', $file or die "$file: $!\n";
    print $fh pack 'C*', map { int rand 256 } 1 .. 48;
    chmod 0600, $file;
    return $file;
}


sub change_server {
    my ($self, $d, @above) = @_;

    # of an upstream: the application's address
    return with($d, args => [ $self->{app} =~ s{^http://}{}r, @{ $d->{args} }[ 1 .. $#{ $d->{args} } ] ])
        if !$d->{block};
    return $d if VcitaConf::of($d->{block}, 'listen');
    return with($d, block => [ VcitaConf::directive('listen', 80), @{ $d->{block} } ]);
}


# 443 becomes a free port of 127.0.0.1; one line a server and port
sub change_listen {
    my ($self, $d, $server) = @_;
    my ($address, @more) = map { VcitaConf::plain($_) } @{ $d->{args} };

    return if $address =~ /^unix:/ || grep { $_ eq 'quic' } @more;
    my $port = $address =~ /^(\d+)$/ || $address =~ /:(\d+)$/ ? $1 : 80;
    return if $server->{listens}{$port}++;

    my ($n) = grep { $self->{ports}[$_] == $port } 0 .. $#{ $self->{ports} };
    $n = push(@{ $self->{ports} }, $port) - 1 if !defined $n;

    @more = grep { !/^(?:ipv6only=|setfib=|fastopen=|proxy_protocol$)/ } @more;
    @more = grep { $_ ne 'default_server' } @more if grep({ $_ eq 'default_server' } @more) && $self->{default}{$port}++;
    return with($d, args => [ '127.0.0.1:$TEST_NGINX_RAND_PORT_' . ($n + 1), @more ]);
}


# the scheme and the authority of the address
sub change_proxy_pass {
    my ($self, $d) = @_;
    my ($app, $to) = ($self->{app}, $d->{args}[0] // '');
    my $var = qr/\$(?:\w+|\{\w+\})/;

    $to =~ s{^(["']?)https?://(?:unix:[^:"']+:?|$var(?::(?:\d+|$var))?|[^/\$"']*:$var|[^/\$"']+)}{$1$app}i
        or $to = "$app\$request_uri";
    return with($d, args => [$to]);
}


sub change_access_log {
    my ($self, $d) = @_;
    my ($to, @more) = @{ $d->{args} };
    return $to eq 'off' ? $d : with($d, args => [ 'logs/access.log', @more ]);
}


sub change_root { $_[0]->file($_[1], prefix()) }
sub change_alias { $_[0]->file($_[1], prefix()) }
sub change_auth_basic_user_file { $_[0]->file($_[1], $_[0]{folder}) }

sub file {
    my ($self, $d, $base) = @_;
    my $path = VcitaConf::plain($d->{args}[0] // '');
    $path = "$base/$path" if $path !~ m{^[/\$]};
    $path = $self->path($path);
    return with($d, args => [ qq{"$path"} ]);
}


# where nginx, as it was built, looks for what has no folder
sub prefix      { built('prefix') }
sub built {
    my ($what) = @_;
    my $nginx = $ENV{TEST_NGINX_BINARY} || 'nginx';
    return `$nginx -V 2>&1` =~ /--\Q$what\E=(\S+)/ ? $1 : '/usr/local/nginx';
}


# other modules; the gate itself is loaded by Test::Nginx
sub module {
    my ($self, $d) = @_;
    my $path = VcitaConf::plain($d->{args}[0]);
    return if $path =~ /ngx_http_vcita_oauth_module/;
    return $d if $d->{name} ne 'load_module' || $path =~ m{^/};
    return with($d, args => [ built('modules-path') . '/' . File::Basename::basename($path) ]);
}


# Test::Nginx sets these at the level of http: what is set there goes into each server
sub lowered {
    my ($self, $http) = @_;
    my @down = grep { $_->{name} =~ /^(?:default_type|keepalive_timeout)$/ } @$http;

    return [ map {
        my $d = $_;
        my @own = grep { !VcitaConf::of($d->{block}, $_->{name}) } @down;
        $d->{name} eq 'server' ? with($d, block => [ @own, @{ $d->{block} } ]) : $d
    } grep { my $d = $_; !grep { $_ == $d } @down } @$http ];
}


sub with { my ($d, %new) = @_; return { %$d, %new } }


# what became of a directive, where it is not what it was
sub say {
    my ($self, $d, @new) = @_;
    my ($old, $new) = map { join ' ', map { join ' ', $_->{name}, @{ $_->{args} } } @$_ } [$d], \@new;
    return if $old eq $new || !$d->{file};

    # secrets are replaced, even unused ones
    $old =~ s/^(vcita_oauth_client_secret|vcita_oauth_http_proxy) .*/$1 .../s;
    push @{ $self->{said} }, VcitaConf::place($d) . ": $old; -> " . (length $new ? "$new;" : '(left out)');
}


1;
