# VcitaJar - a cookie jar with the rules of today's browsers (RFC 6265bis as Chrome does it):
# host-only and Domain, Path, Secure, HttpOnly, Max-Age and Expires, SameSite, Partitioned, the
# __Host- and __Secure- prefixes, 4096 bytes.  Cookies do not know ports.  No sockets here.
#
#   $jar->store($url, 'a=1; Path=/')      -> undef, or the reason of the refusal
#   $jar->header($url, cross_site => 0, method => 'GET')     -> "a=1; b=2" or undef
package VcitaJar;

use strict;
use warnings;

use Storable ();
use VcitaHttp ();

my %MONTH;
@MONTH{qw( jan feb mar apr may jun jul aug sep oct nov dec )} = 0 .. 11;


# trust_loopback: http://127.0.0.1 and http://localhost count as secure, as in Chrome and Firefox
sub new {
    my ($class, %opt) = @_;
    return bless { cookies => [], seq => 0, trust_loopback => $opt{trust_loopback} }, $class;
}


sub clone { Storable::dclone($_[0]) }

sub secure {
    my ($self, $u) = @_;
    return 1 if $u->{scheme} eq 'https';
    return $self->{trust_loopback} && $u->{host} =~ /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/ ? 1 : 0;
}


sub store {
    my ($self, $url, $line) = @_;
    my $u = VcitaHttp::url_split($url) or return 'not an http address';

    my ($pair, @attr) = split /;/, $line, -1;
    return 'a control byte' if $line =~ /[\x00-\x08\x0a-\x1f\x7f]/;

    my ($name, $value) = $pair =~ /=/ ? split(/=/, $pair, 2) : ('', $pair);
    s/^[ \t]+|[ \t]+$//g for $name, $value;
    return 'neither a name nor a value' if !length $name && !length $value;
    return 'over 4096 bytes' if length($name) + length($value) > 4096;

    my %c = (name => $name, value => $value, host_only => 1, domain => $u->{host}, samesite => '');
    my $path = '';
    for (@attr) {
        my ($k, $v) = split /=/, $_, 2;
        $v //= '';
        s/^[ \t]+|[ \t]+$//g for $k, $v;
        $k = lc $k;
        next if length $v > 1024;
        if    ($k eq 'secure')      { $c{secure} = 1 }
        elsif ($k eq 'httponly')    { $c{httponly} = 1 }
        elsif ($k eq 'partitioned') { $c{partitioned} = 1 }
        elsif ($k eq 'path')        { $path = $v }
        elsif ($k eq 'samesite')    { $c{samesite} = lc $v }
        elsif ($k eq 'max-age')     { $c{max_age} = $v if $v =~ /^-?\d+$/ }
        elsif ($k eq 'expires')     { my $t = _date($v); $c{expires} = $t if defined $t }
        elsif ($k eq 'domain')      { ($c{asked} = lc $v) =~ s/^\.// }
    }

    if (length($c{asked} // '')) {
        my $d = $c{asked};
        if ($d eq $u->{host}) {
            $c{host_only} = $u->{host} =~ /^[\d.]+$|^\[/ ? 1 : 0;
        } else {
            return "Domain=$d is not $u->{host} or above it"
                if $u->{host} !~ /\.\Q$d\E$/ || $u->{host} =~ /^[\d.]+$/;
            return "Domain=$d is a whole top level" if $d !~ /\./;
            @c{qw( host_only domain )} = (0, $d);
        }
    }

    if ($path !~ m{^/}) {
        ($path = $u->{path}) =~ s{/[^/]*$}{};
        $path = '/' if !length $path;
        $c{path_default} = 1;
    }
    $c{path} = $path;

    return 'Secure from a site that is not' if $c{secure} && !$self->secure($u);
    return 'SameSite=None without Secure' if $c{samesite} eq 'none' && !$c{secure};
    return 'Partitioned without Secure' if $c{partitioned} && !$c{secure};
    return 'hidden prefix in the value' if !length $name && $value =~ /^__(?:Secure|Host)-/i;

    if ($name =~ /^__Secure-/i && !$c{secure}) {
        return '__Secure- without Secure';
    }
    if ($name =~ /^__Host-/i) {
        return '__Host- without Secure' if !$c{secure};
        return '__Host- with a Domain' if exists $c{asked};
        return '__Host- without Path=/' if $c{path} ne '/' || $c{path_default};
    }

    # an http page may not shadow a Secure cookie of that name
    if (!$self->secure($u) && !$c{secure}) {
        return 'would overlay a Secure cookie' if grep {
            $_->{name} eq $name && $_->{secure} && _domains_meet($_->{domain}, $c{domain})
                && _path_match($c{path}, $_->{path})
        } @{ $self->{cookies} };
    }

    my ($old) = grep { _same($_, \%c) } @{ $self->{cookies} };
    $self->{cookies} = [ grep { !_same($_, \%c) } @{ $self->{cookies} } ];

    $c{until} = defined $c{max_age} ? ($c{max_age} > 0 ? time + $c{max_age} : 0) : $c{expires};
    return undef if defined $c{until} && $c{until} <= time;

    $c{seq} = $old ? $old->{seq} : ++$self->{seq};
    push @{ $self->{cookies} }, \%c;
    return undef;
}


# cookies alive now
sub all {
    my ($self) = @_;
    $self->{cookies} = [ grep { !defined $_->{until} || $_->{until} > time } @{ $self->{cookies} } ];
    return @{ $self->{cookies} };
}


# those that go with a request, in the order of the header
sub matching {
    my ($self, $url, %opt) = @_;
    my $u = VcitaHttp::url_split($url) or return;

    return sort { length $b->{path} <=> length $a->{path} || $a->{seq} <=> $b->{seq} } grep {
        ($_->{host_only} ? $u->{host} eq $_->{domain}
                         : $u->{host} eq $_->{domain} || $u->{host} =~ /\.\Q$_->{domain}\E$/)
        && _path_match($u->{path}, $_->{path})
        && (!$_->{secure} || $self->secure($u))
        && (!$opt{cross_site} || $_->{samesite} eq 'none'
            || $_->{samesite} ne 'strict' && ($opt{method} // 'GET') =~ /^(?:GET|HEAD)$/)
    } $self->all;
}


sub header {
    my ($self, $url, %opt) = @_;
    my @c = $self->matching($url, %opt) or return undef;
    return join '; ', map { length $_->{name} ? "$_->{name}=$_->{value}" : $_->{value} } @c;
}


sub remove {
    my ($self, $name) = @_;
    $self->{cookies} = [ grep { $_->{name} ne $name } @{ $self->{cookies} } ];
}


sub clear { $_[0]{cookies} = [] }

sub _same {
    my ($x, $y) = @_;
    return $x->{name} eq $y->{name} && $x->{domain} eq $y->{domain} && $x->{path} eq $y->{path}
        && !$x->{host_only} == !$y->{host_only};
}


sub _domains_meet {
    my ($x, $y) = @_;
    return $x eq $y || $x =~ /\.\Q$y\E$/ || $y =~ /\.\Q$x\E$/;
}


sub _path_match {
    my ($path, $cookie) = @_;
    return 1 if $path eq $cookie;
    return index($path, $cookie) == 0
        && ($cookie =~ m{/$} || substr($path, length $cookie, 1) eq '/');
}


sub _date {
    my ($s) = @_;
    my ($day, $mon, $year) = $s =~ /(\d{1,2})[ -]([A-Za-z]{3})[a-z]*[ -](\d{2,4})/ or return undef;
    my ($h, $m, $sec) = $s =~ /(\d{1,2}):(\d{2}):(\d{2})/ or return undef;
    defined(my $mo = $MONTH{ lc $mon }) or return undef;
    $year += $year < 70 ? 2000 : 1900 if $year < 100;
    require Time::Local;
    return scalar eval { local $SIG{__DIE__};
        Time::Local::timegm($sec, $m, $h, $day, $mo, $year) };
}


1;
