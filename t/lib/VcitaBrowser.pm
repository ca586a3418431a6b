# VcitaBrowser - a small browser for logins over several hops: cookies, redirects one by one or all,
# http and https, a history, and an account of it for people with the secrets masked.  Knows nothing
# of Test::More.  Every wait has a limit; what goes wrong dies with its name (soft => 1: an answer
# with status 0 and ->error).
#
#   my $b = VcitaBrowser->new(base => 'http://127.0.0.1:1984', ca => $pem, timeout => 15);
#   my $r = $b->get('/secret');            # one hop: 302
#   $r = $b->hop;                          # follows it
#   $r = $b->follow(max => 10);            # ... and all that follow
#   $r = $b->visit('/secret');             # get + follow
#   print $b->describe;
package VcitaBrowser;

use strict;
use warnings;

use JSON::PP ();
use VcitaExchange ();
use VcitaHttp ();
use VcitaJar ();
use VcitaLoop ();

my $SECRET = qr/^(?:code|state|nonce|code_challenge|code_verifier|client_secret|access_token|id_token|stub)$/;


# options: base, ca, verify (1), timeout (15), modern (0), trust_loopback (0), headers [n => v, ...],
# resolve { 'portal.example.com' => '127.0.0.1:21010' } (a name, or name:port, of the address bar),
# from '127.0.0.2' (the address that its requests come from)
sub new {
    my ($class, %opt) = @_;
    my $self = bless { timeout => 15, verify => 1, headers => [], resolve => {}, answers => [],
                       jar => VcitaJar->new(trust_loopback => $opt{trust_loopback}), %opt }, $class;
    return $self;
}


# another browser with a copy of the cookies (a stolen jar), or a tab that shares them
sub clone { my ($s) = @_; return $s->_other(jar => $s->{jar}->clone) }
sub tab   { my ($s) = @_; return $s->_other }

sub _other {
    my ($self, %with) = @_;
    return bless { %$self, headers => [ @{ $self->{headers} } ], resolve => { %{ $self->{resolve} } },
                   answers => [], %with }, ref $self;
}


sub modern  { $_[0]{modern} = $_[1] if @_ > 1; $_[0]{modern} }
sub headers { my $s = shift; $s->{headers} = [@_] if @_; $s->{headers} }
sub resolve { my ($s, %m) = @_; %{ $s->{resolve} } = (%{ $s->{resolve} }, %m) }
sub jar     { $_[0]{jar} }
sub res     { $_[0]{answers}[-1] }
sub answers { @{ $_[0]{answers} } }
sub url     { my $r = $_[0]->res; $r ? $r->url : undef }


# [method, url, status, location, [Set-Cookie lines]] of each hop
sub history {
    return map { [ $_->method, $_->url, $_->status, $_->location, $_->set_cookies ] }
        @{ $_[0]{answers} };
}


sub forget_history { $_[0]{answers} = [] }


# -- requests --------------------------------------------------------------------------------------

# options of one request: headers [n => v, ...] (undef takes a header away), body, form {..} | [..],
# json {..}, cross_site => 1 (a link or form on another site), version => '1.0', soft, timeout
sub get  { my ($s, $url, %o) = @_; return $s->request(GET => $url, %o) }
sub head { my ($s, $url, %o) = @_; return $s->request(HEAD => $url, %o) }

sub post {
    my ($self, $url, $form, %opt) = @_;
    $opt{form} = $form if ref $form;
    return $self->request(POST => $url, %opt);
}


sub request {
    my ($self, $method, $url, %opt) = @_;

    my $loop = VcitaLoop->new;
    my $got;
    my $x = $self->start($loop, $method, $url, %opt, done => sub { $got = $_[0] });
    $loop->until(sub { $got }, 1e6);      # the exchange has its own limit
    die "$method " . mask_url($got->url) . ': ' . $got->error . "\n"
        if $got->error && !$opt{soft} && !$self->{soft};
    return $got;
}


# the next hop of a redirect; dies where there is none
sub hop {
    my ($self, %opt) = @_;
    my ($method, $url, %more) = $self->next_hop or die 'hop: the last answer ('
        . ($self->res ? $self->res->status : 'none') . ") is no redirect\n";
    return $self->request($method, $url, %more, %opt);
}


sub follow {
    my ($self, %opt) = @_;
    my $max = delete $opt{max} // 10;
    my $n = 0;
    while ($self->next_hop) {
        die "follow: more than $max redirects:\n" . $self->describe if $n++ >= $max;
        $self->hop(%opt);
    }
    return $self->res;
}


sub visit { my $self = shift; $self->get(@_); return $self->follow }


# (method, address, options) of the hop that the last answer asks for, or nothing
sub next_hop {
    my ($self) = @_;
    my $r = $self->res or return;
    my $to = $r->location;
    return unless $r->status =~ /^30[12378]$/ && defined $to;

    my $url = VcitaHttp::url_join($r->url, $to);
    my $m = $r->method;
    my %o = (redirected => 1, %{ $r->{asked} });
    if ($r->status == 303 && $m ne 'HEAD' || $r->status =~ /^30[12]$/ && $m eq 'POST') {
        $m = 'GET';
        delete @o{qw( body form json )};
    }
    return ($m, $url, %o);
}


# -- the OAuth side --------------------------------------------------------------------------------

# After a 302 to an authorization server: the address of the callback with the state of that redirect
# and the given parameters (state => undef leaves it out), and going there.
sub callback_url {
    my ($self, %p) = @_;
    my $r = (grep { $_->location && defined $_->param('state') && defined $_->param('redirect_uri') }
        $self->answers)[-1] or die "callback_url: no redirect to an authorization server yet\n";
    $p{state} = $r->param('state') unless exists $p{state};
    my $to = $r->param('redirect_uri');
    return $to . ($to =~ /\?/ ? '&' : '?') . VcitaHttp::query_string(\%p);
}


sub come_back {
    my ($self, %p) = @_;
    return $self->get($self->callback_url(%p));
}


# -- cookies ---------------------------------------------------------------------------------------

# the value of a cookie (undef: none); for its attributes: cookie_info
sub cookie      { my $c = cookie_info(@_); return $c && $c->{value} }
sub cookie_info { my ($s, $name) = @_; my ($c) = grep { $_->{name} eq $name } $s->{jar}->all; $c }
sub cookies     { map { $_->{name} } $_[0]{jar}->all }


# a new value for a cookie that is there (its attributes stay), or a new cookie of the base's host
sub set_cookie {
    my ($self, $name, $value, %attr) = @_;
    my $c = $self->cookie_info($name);
    if ($c) {
        @$c{ 'value', keys %attr } = ($value, values %attr);
        return;
    }
    my $u = VcitaHttp::url_split($self->absolute($attr{url} // '/'));
    push @{ $self->{jar}{cookies} }, { name => $name, value => $value, host_only => 1, path => '/',
        domain => $u->{host}, samesite => '', seq => ++$self->{jar}{seq}, %attr };
}


sub delete_cookie { my ($s, @names) = @_; $s->{jar}->remove($_) for @names }
sub clear_cookies { $_[0]{jar}->clear }


# -- bytes -----------------------------------------------------------------------------------------

# sends bytes, reads until the peer closes: ->body is all that came, ->error set where it never closed
sub raw {
    my ($self, $host, $port, $bytes, %opt) = @_;
    my $loop = VcitaLoop->new;
    my $got;
    VcitaExchange->start($loop, host => $host, port => $port, bytes => $bytes, raw => 1,
        timeout => $opt{timeout} // $self->{timeout},
        tls => $opt{tls} ? { name => $opt{name} // $host, ca => $self->{ca}, verify => $self->{verify} } : undef,
        done => sub { $got = $_[0] });
    $loop->until(sub { $got }, 1e6);
    return $got;
}


sub absolute {
    my ($self, $url) = @_;
    return $url if $url =~ m{^https?://}i;
    my $r = $self->res;
    my $base = $self->{base} // ($r && $r->url) // die "a relative address ($url) and no base\n";
    return VcitaHttp::url_join($base, $url);
}


# starts a request on a loop; used by request() and by VcitaCrowd.  done gets the answer, after the
# cookies and the history have been updated.
sub start {
    my ($self, $loop, $method, $url, %opt) = @_;

    $url = $self->absolute($url);
    $url =~ s/#.*//s;
    my $u = VcitaHttp::url_split($url) or die "not an http address: $url\n";
    my $to = $self->{resolve}{"$u->{host}:$u->{port}"} // $self->{resolve}{ $u->{host} } // $u->{host};
    my ($host, $port) = $to =~ /^(.*):(\d+)$/ ? ($1, $2) : ($to, $u->{port});

    return VcitaExchange->start($loop,
        host => $host, port => $port, from => $self->{from}, method => $method,
        bytes => $self->_bytes($method, $u, $url, \%opt),
        timeout => $opt{timeout} // $self->{timeout},
        tls => $u->{scheme} eq 'https'
            ? { name => $u->{host}, ca => $self->{ca}, verify => $self->{verify} } : undef,
        on_sent => $opt{on_sent},
        done => sub {
            my ($r) = @_;
            $r->{url} = $url;
            $r->{asked} = { map { $_ => $opt{$_} } grep { exists $opt{$_} }
                            qw( headers body form json cross_site site soft timeout version ) };
            for my $line (@{ $r->set_cookies }) {
                my $why = $self->{jar}->store($url, $line);
                push @{ $r->{refused} }, [ $line, $why ] if $why;
            }
            push @{ $self->{answers} }, $r;
            $opt{done}->($r) if $opt{done};
        });
}


sub _bytes {
    my ($self, $method, $u, $url, $opt) = @_;

    my @h = ([ 'Host', $u->{authority} ], [ 'User-Agent', 'VcitaBrowser/1' ],
             [ 'Accept', 'text/html,application/xhtml+xml,*/*;q=0.8' ]);

    if ($self->{modern} && ($u->{scheme} eq 'https' || $u->{host} =~ /^(?:localhost|127\.[\d.]+)$/)) {
        # 'none' is an address that was typed: a redirect keeps it
        $opt->{site} //= $opt->{cross_site} ? 'cross-site' : $method eq 'POST' ? 'same-origin' : 'none';
        push @h, [ 'Sec-Fetch-Site', $opt->{site} ], [ 'Sec-Fetch-Mode', 'navigate' ],
                 [ 'Sec-Fetch-User', '?1' ], [ 'Sec-Fetch-Dest', 'document' ],
                 [ 'Upgrade-Insecure-Requests', '1' ];
    }

    my $body = $opt->{body};
    if ($opt->{form}) {
        $body = VcitaHttp::query_string($opt->{form});
        push @h, [ 'Content-Type', 'application/x-www-form-urlencoded' ];
    } elsif ($opt->{json}) {
        $body = JSON::PP->new->utf8->canonical->encode($opt->{json});
        push @h, [ 'Content-Type', 'application/json' ];
    }
    push @h, [ 'Content-Length', length $body ] if defined $body;

    my $cookies = $self->{jar}->header($url, method => $method, cross_site => $opt->{cross_site});
    push @h, [ 'Cookie', $cookies ] if defined $cookies;
    push @h, [ 'Connection', 'close' ];

    my (@extra, %replaced);
    for my $list ($self->{headers}, $opt->{headers} // []) {
        my @l = @$list;
        my %here;
        while (my ($n, $v) = splice @l, 0, 2) {
            # a later list replaces an earlier one; within one list a name may repeat
            @extra = grep { lc $_->[0] ne lc $n } @extra if !$here{ lc $n }++;
            $replaced{ lc $n } = 1;
            push @extra, [ $n, $v ] if defined $v;
        }
    }
    @h = ((grep { !$replaced{ lc $_->[0] } } @h), @extra);

    return "$method $u->{target} HTTP/" . ($opt->{version} // '1.1') . "\r\n"
        . join('', map { "$_->[0]: $_->[1]\r\n" } @h) . "\r\n" . ($body // '');
}


# -- for people ------------------------------------------------------------------------------------

# the hops so far, secrets masked
sub describe {
    my ($self) = @_;
    my $out = '';
    my $n = 0;
    for my $r ($self->answers) {
        $out .= sprintf "%2d. %s %s\n", ++$n, $r->method, mask_url($r->url);
        $out .= '    ' . ($r->error ? 'no answer: ' . $r->error : $r->status . ' ' . $r->reason) . "\n";
        $out .= '    -> ' . mask_url($r->location) . "\n" if defined $r->location;
        my %refused = map { @$_ } @{ $r->refused };
        for my $line (@{ $r->set_cookies }) {
            my ($name, $value, $attr) = $line =~ /^([^=;]*)=?([^;]*)(.*)$/s;
            my $gone = $attr =~ /max-age=-?0*(?:;|$)/i;
            $out .= '    cookie ' . ($refused{$line} ? "refused ($refused{$line}): " : $gone ? 'removed: ' : 'set: ')
                . $name . ($gone ? '' : '=' . mask($value)) . ($gone ? '' : $attr) . "\n";
        }
    }
    return $out;
}


# the first 6 characters
sub mask {
    my ($s) = @_;
    return length $s > 6 ? substr($s, 0, 6) . '...' : $s;
}


sub mask_url {
    my ($url) = @_;
    my ($head, $query) = split /\?/, $url // '', 2;
    return $head unless defined $query;
    return "$head?" . join '&', map {
        my ($k, $v) = split /=/, $_, 2;
        defined $v && $k =~ $SECRET ? "$k=" . mask($v) : $_;
    } split /&/, $query, -1;
}


1;
